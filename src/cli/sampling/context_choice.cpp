#include "cli/sampling/context_choice.h"

#include "cli/files/csv_text.h"
#include "cli/files/data_file.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {

void ContextOptions::add_to(OptionTable& table) {
  const Declared label =
      table.list("--label", labels, 0, (1 << 16) - 1,
                 "class of the samples; several, separated by commas: each for as many samples", always_has_effect());
  table
      .text("--context", context,
            "a file with the columns that --context-columns named in training, a row for each context",
            always_has_effect())
      .excludes(label);
  const Condition by_label{"--label", [this] { return !labels.empty(); }, [] { return std::string("no --label"); }};
  table.number("--guidance", guidance, -1e6, 1e6,
               "w of the score without a context plus w times what the context adds; 1: the conditional model, 0: the "
               "one without a context, above 1: samples that show their context more clearly and vary less",
               needs(by_label, given("--context", context)));
}

ContextUnits context_units(const std::string& path, const Checkpoint& model, bool by_class) {
  ContextUnits units = read_contexts(path, model.metadata);
  const int columns = model.net.context.columns;
  if (units.count() == 0) {
    if (by_class) {
      units.classes = columns;
    } else {
      for (int j = 0; j < columns; ++j) units.columns.push_back(std::to_string(j));
      units.mean.assign(units.columns.size(), 0), units.scale.assign(units.columns.size(), 1);
    }
  }
  if (units.count() != columns)
    throw Error(ErrorCode::io, path,
                path + ": expected contexts of " + std::to_string(columns) + " columns, like the network, got " +
                    std::to_string(units.count()));
  return units;
}

Contexts chosen_contexts(const ContextOptions& options, const std::string& path, const Checkpoint& model) {
  const Context& context = model.net.context;
  const char* const option = options.labels.empty() ? "--context" : "--label";
  if (context.columns == 0) {
    if (options.is_given()) refuse(option, "nothing, because the model has no context", "one");
    return {};
  }
  const ContextUnits units = context_units(path, model, !options.labels.empty());
  if (!options.is_given()) {
    if (!context.optional)
      refuse(units.classes > 0 ? "--label" : "--context",
             "a context, because the model was trained with --context-dropout 0", "nothing");
    return {};
  }
  if (options.guidance != 1 && !context.optional)
    refuse("--guidance", "1, because the model was trained with --context-dropout 0", number_text(options.guidance));
  if (!options.labels.empty() && units.classes == 0)
    refuse("--label", "--context, because the model's context is " + csv_line(units.columns), "a class");
  if (options.labels.empty() && units.classes > 0)
    refuse("--context", "--label, because the model's context is a class", "a file");
  ContextData data;
  if (!options.labels.empty()) {
    data.labels.assign(options.labels.begin(), options.labels.end());
    data.rows = static_cast<std::int64_t>(data.labels.size());
  } else {
    data.columns = read_data(options.context);
    data.rows = data.columns.rows;
  }
  return to_model(option, data, units);
}

Contexts spread(const Contexts& contexts, std::int64_t count) {
  if (contexts.empty()) return {};
  if (count < contexts.rows)
    refuse("--count", "at least the " + std::to_string(contexts.rows) + " contexts", std::to_string(count));
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i * contexts.rows / count);
  return contexts.at(places);
}

}  // namespace scorematch::cli
