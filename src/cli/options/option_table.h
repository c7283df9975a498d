/// @file
/// The options of one subcommand, in one table. An option is declared together with what it needs to have an
/// effect. A given option that would be ignored is refused by name.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "cli/options/option_value.h"
#include "model/names.h"

namespace CLI {  // CLI11, whose headers take seconds to compile
class App;
class Option;
}  // namespace CLI

namespace scorematch::cli {

/// Something that an option may need to have an effect. The functions are called after the command line is parsed.
struct Condition {
  std::string text;                  // "--schedule geometric"
  std::function<bool()> is_met;      // also true if a file has to be read first to know
  std::function<std::string()> got;  // what is given instead: "--schedule log_normal"
};

/// "a", "a or b", "a, b or c"
std::string alternatives(const std::vector<std::string>& texts);

template <class T>
std::vector<std::string> names_of(const std::vector<T>& values) {
  std::vector<std::string> names;
  for (const T value : values) names.push_back(name_of(value));
  return names;
}

/// `option`, whose value is `value`, is one of `wanted`. `value` is read when the condition is checked.
Condition chosen(const std::string& option, const std::string& value, const std::vector<std::string>& wanted);
template <class T, std::enable_if_t<std::is_enum_v<T>, int> = 0>
Condition chosen(const std::string& option, const T& value, const std::vector<T>& wanted) {
  return {option + " " + alternatives(names_of(wanted)),
          [&value, wanted] { return std::find(wanted.begin(), wanted.end(), value) != wanted.end(); },
          [option, &value] { return option + " " + name_of(value); }};
}
/// The text option `option` is given, so that `value` is not empty.
Condition given(const std::string& option, const std::string& value);

/// What an option needs: at least one condition of each group.
class Need {
 public:
  Need() = default;  // nothing: the option always has an effect
  explicit Need(std::vector<Condition> any) { groups_.push_back(std::move(any)); }

  /// Another group, of which one must be met as well.
  Need& also(std::vector<Condition> any);
  const std::vector<std::vector<Condition>>& groups() const { return groups_; }

 private:
  std::vector<std::vector<Condition>> groups_;
};

/// For an option that always has an effect.
inline Need always_has_effect() { return {}; }
/// For an option that has an effect if one of these conditions is met.
template <class... More>
Need needs(Condition first, More... more) {
  return Need({std::move(first), std::move(more)...});
}

/// An option of a table, for what few options have.
class Declared {
 public:
  explicit Declared(CLI::Option* option) : option_(option) {}

  Declared required() const;
  /// The two cannot be given together.
  Declared excludes(Declared other) const;
  /// What the help shows as the default.
  Declared shows_default(const std::string& text) const;

 private:
  CLI::Option* option_;
};

class OptionTable {
 public:
  enum class Kind { text, choice, number, list, flag };
  struct Entry {
    std::string name;  // "--sigma-min", or "model" of a positional
    Kind kind;
    Need need;
    CLI::Option* option;
    std::function<std::string()> value;  // as text
    bool is_given = false;               // on the command line
    /// What value() would be after this text, which may be of an earlier version.
    std::function<std::string(const std::string&)> current = [](const std::string& text) { return text; };

    /// Gives the option this value, as if it stood on the command line. @throws CLI::Error
    void assign(const std::string& text) const;
  };
  template <class T>
  using Bound = std::enable_if_t<true, T>;  // not deduced, so that 1 is a bound of an int64_t

  /// Adds the subcommand to `app`, which may be a subcommand itself: "scan projections" is one of "scan".
  OptionTable(CLI::App& app, const std::string& name, const std::string& description);
  OptionTable(const OptionTable&) = delete;
  OptionTable& operator=(const OptionTable&) = delete;

  /// A name without dashes is a positional argument.
  Declared required_text(const std::string& name, std::string& value, const std::string& help);
  Declared text(const std::string& name, std::string& value, const std::string& help, Need need);
  /// The names are appended to the help.
  Declared choice(const std::string& name, std::string& value, std::vector<std::string> names, const std::string& help,
                  Need need);
  /// One of model/names.h, by today's names or by those of an earlier version.
  template <class T, std::enable_if_t<std::is_enum_v<T>, int> = 0>
  Declared choice(const std::string& name, T& value, const std::vector<T>& among, const std::string& help, Need need) {
    const auto read = [&value](const std::string& text) { value = *value_named<T>(text); };
    return add_choice(name, names_of(among), help, std::move(need), &current_name<T>, read,
                      [&value] { return std::string(name_of(value)); })
        .shows_default(name_of(value));
  }
  template <class T, std::enable_if_t<std::is_enum_v<T>, int> = 0>
  Declared choice(const std::string& name, T& value, const std::string& help, Need need) {
    return choice(name, value, values_of<T>(), help, std::move(need));
  }
  /// One that has no value unless it is given.
  template <class T, std::enable_if_t<std::is_enum_v<T>, int> = 0>
  Declared choice(const std::string& name, std::optional<T>& value, const std::string& help, Need need) {
    return add_choice(
        name, names_of(values_of<T>()), help, std::move(need), &current_name<T>,
        [&value](const std::string& text) { value = *value_named<T>(text); },
        [&value] { return value ? std::string(name_of(*value)) : std::string(); });
  }
  /// T is int, std::int64_t, std::uint64_t or double.
  /// @param reason why the bounds are what they are, for the message
  template <class T>
  Declared number(const std::string& name, T& value, Bound<T> low, Bound<T> high, const std::string& help, Need need,
                  const std::string& reason = "") {
    return add_number<T>(name, value, low, high, help, std::move(need), reason, true);
  }
  /// A number whose default depends on other values, so that the help does not show it.
  template <class T>
  Declared optional_number(const std::string& name, T& value, Bound<T> low, Bound<T> high, const std::string& help,
                           Need need, const std::string& reason = "") {
    return add_number<T>(name, value, low, high, help, std::move(need), reason, false);
  }
  /// Whole numbers separated by commas.
  Declared list(const std::string& name, std::vector<int>& values, int low, int high, const std::string& help,
                Need need);
  /// Texts separated by commas, each of them one of `names`, or any if there are none.
  Declared list(const std::string& name, std::vector<std::string>& values, const std::vector<std::string>& names,
                const std::string& help, Need need);
  Declared flag(const std::string& name, bool& value, const std::string& help, Need need);
  /// A flag that may have a number, as --name=VALUE.
  /// @param value_if_alone what it means without one
  Declared flag_or_number(const std::string& name, std::string& value, const std::string& value_if_alone, double low,
                          double high, const std::string& help, Need need);

  /// What the subcommand does, after check_needs().
  /// @param values_are_known whether the needs can be checked before; if not, the action has to do so
  void on_run(
      std::function<void()> action, std::function<bool()> values_are_known = [] { return true; });

  /// Refuses a given option that lacks what it needs.
  /// @throws CLI::ValidationError naming it
  void check_needs() const;

  const std::string& name() const { return name_; }
  const CLI::App& command() const { return command_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  template <class T>  // for the types of number() alone
  Declared add_number(const std::string& name, T& value, T low, T high, const std::string& help, Need need,
                      const std::string& reason, bool shows_default);
  Declared add(Kind kind, CLI::Option* option, Need need, std::function<std::string()> value);
  Declared add_choice(const std::string& name, const std::vector<std::string>& names, const std::string& help,
                      Need need, std::function<std::string(const std::string&)> current,
                      const std::function<void(const std::string&)>& read, const std::function<std::string()>& value);
  /// An option with several values, which `read` takes from the text between commas.
  /// @throws CLI::ValidationError
  Declared add_list(const std::string& name, const std::string& help, Need need,
                    const std::function<void(const std::vector<std::string>&)>& read,
                    const std::function<std::string(std::string&)>& check_each,
                    const std::function<std::string()>& value);

  std::string name_;
  CLI::App& command_;
  std::vector<Entry> entries_;
};

}  // namespace scorematch::cli
