/// @file
/// What a subcommand reports on stdout: lines of text or, with --json, one JSON object with the same facts.
#pragma once
#include <string>
#include <vector>

#include "cli/report/phrase.h"

namespace scorematch::cli {

class OptionTable;

/// --json.
struct ReportOptions {
  bool json = false;

  void add_to(OptionTable& table);
};

/// As text, a line is written at once, so that a failure later on does not take it back. As JSON, everything is written
/// by finish(), so that stdout has a whole object or nothing.
class Report {
 public:
  /// @param command its value of the key "command"
  /// @param keys of the other members, in their order: "steps.done" is a member of the object "steps", and "wrote[]" is
  /// a list, whose items are facts with the key "wrote". A key without a fact is null, or an empty list; an object
  /// without facts is null. "warnings[]" is added.
  /// @param name_columns of the text: lines begin with a name that is padded to them
  Report(const ReportOptions& options, const std::string& command, std::vector<std::string> keys,
         int name_columns = 11);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  /// "name        text"; the name is empty where a line continues the one before.
  void line(const std::string& name, const Phrase& text);
  /// Text as it is, with its own line ends.
  void raw(const Phrase& text);
  /// Facts without their text.
  void state(const Phrase& facts);
  /// One line on stderr at once, "scorematch: warning: ...", and an item of "warnings".
  void warn(const std::string& message);
  /// The JSON object, in one line.
  std::string json() const;
  /// Writes it to stdout with --json.
  /// @throws Error io if stdout does not take it
  void finish();

  /// With --json, refuses an output that is the file to which stdout goes.
  /// @param option that names it @throws Error
  void refuse_stdout(const std::string& option, const std::string& path) const;

 private:
  std::string outermost_absent(const std::string& key) const;

  bool is_json_;
  std::vector<std::string> keys_;
  std::size_t name_columns_;
  std::vector<Fact> facts_;
};

}  // namespace scorematch::cli
