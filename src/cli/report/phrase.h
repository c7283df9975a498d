/// @file
/// Text in which facts are stated. A fact is written once, with its key, its value and its text, so that a report as
/// text and as JSON cannot disagree:
///     fact("steps.done", 600) + " of " + fact("steps.planned", 1000)
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cli/report/value.h"
#include "scorematch/estimate.h"

namespace scorematch::cli {

struct Fact {
  std::string key;  // "steps.done": the member `done` of the object `steps`
  Value value;
};

class Phrase {
 public:
  Phrase() = default;
  Phrase(const char* text) : text_(text) {}
  Phrase(std::string text) : text_(std::move(text)) {}
  Phrase(std::string text, Fact fact) : text_(std::move(text)), facts_{std::move(fact)} {}

  Phrase& operator+=(const Phrase& more);
  friend Phrase operator+(Phrase left, const Phrase& right) { return left += right; }

  const std::string& text() const { return text_; }
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  std::string text_;
  std::vector<Fact> facts_;
};

/// A fact, and how the text states it.
Phrase fact(const std::string& key, Value value, const std::string& text);
/// The text is the value itself: a whole number, a text, or the shortest decimal that reads back to the same number.
Phrase fact(const std::string& key, Value value);
/// With that many significant digits in the text.
Phrase rounded_fact(const std::string& key, double value, int digits);
/// One that the text does not state, or states in other words.
Phrase silent(const std::string& key, Value value);

/// The facts alone.
Phrase without_text(const Phrase& phrase);

/// KEY.mean and KEY.standard_error, "0.695 ± 0.040" in the text.
Phrase measurement(const std::string& key, double mean, double standard_error);
Phrase measurement(const std::string& key, const Estimate& estimate);
/// KEY.NAMEs_per_second and KEY.seconds, "34.5k rows/s, 2m 05s in all" in the text.
Phrase speed(const std::string& key, const std::string& name, double count, double seconds);

}  // namespace scorematch::cli
