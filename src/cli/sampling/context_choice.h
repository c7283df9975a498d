/// @file
/// The contexts under which a conditional model is sampled or evaluated, from the options of a command.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/data/contexts.h"
#include "cli/options/option_table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

struct ContextOptions {
  std::vector<int> labels;
  std::string context;  // a file
  double guidance = 1;

  void add_to(OptionTable& table);
  bool is_given() const { return !labels.empty() || !context.empty(); }
  /// Whether all samples have the same context, or none.
  bool is_single(const Contexts& contexts) const { return !is_given() || contexts.rows == 1; }
};

/// The contexts that are asked for, one each; none: the model is sampled without.
/// @throws Error naming the option: for a model without contexts, or that has others, or that needs one
Contexts chosen_contexts(const ContextOptions& options, const std::string& path, const Checkpoint& model);
/// As many as there are samples: each context for as many samples in a row as the others.
/// @throws Error naming --count if there are fewer samples than contexts
Contexts spread(const Contexts& contexts, std::int64_t count);

/// The contexts of a model's file. One that was not trained by the command has classes or columns in its own units.
ContextUnits context_units(const std::string& path, const Checkpoint& model, bool by_class);

}  // namespace scorematch::cli
