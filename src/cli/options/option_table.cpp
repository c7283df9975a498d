#include "cli/options/option_table.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "cli/options/validators.h"

namespace scorematch::cli {
namespace {

/// Of `names`, or any text except an empty one if there are none.
std::function<std::string(std::string&)> one_of(const std::vector<std::string>& names) {
  return [names](std::string& text) {
    const bool is_known = names.empty() ? !text.empty() : std::find(names.begin(), names.end(), text) != names.end();
    if (is_known) return std::string();
    return "expected " + (names.empty() ? "a text" : alternatives(names)) + ", got '" + text + "'";
  };
}

/// Empty items stay, so that the caller can refuse them.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> items;
  std::size_t begin = 0;
  for (std::size_t comma; (comma = text.find(',', begin)) != std::string::npos; begin = comma + 1)
    items.push_back(text.substr(begin, comma - begin));
  items.push_back(text.substr(begin));
  return items;
}

}  // namespace

std::string alternatives(const std::vector<std::string>& texts) {
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i)
    all += (i == 0 ? "" : i + 1 == texts.size() ? " or " : ", ") + texts[i];
  return all;
}

Condition chosen(const std::string& option, const std::string& value, const std::vector<std::string>& wanted) {
  return {option + " " + alternatives(wanted),
          [&value, wanted] { return std::find(wanted.begin(), wanted.end(), value) != wanted.end(); },
          [option, &value] { return option + " " + value; }};
}

Condition given(const std::string& option, const std::string& value) {
  return {option, [&value] { return !value.empty(); }, [option] { return "no " + option; }};
}

Need& Need::also(std::vector<Condition> any) {
  groups_.push_back(std::move(any));
  return *this;
}

Declared Declared::required() const {
  option_->required();
  return *this;
}

Declared Declared::excludes(Declared other) const {
  option_->excludes(other.option_);
  return *this;
}

Declared Declared::shows_default(const std::string& text) const {
  option_->default_str(text);
  return *this;
}

void OptionTable::Entry::assign(const std::string& text) const {
  option->add_result(text);
  option->run_callback();
}

OptionTable::OptionTable(CLI::App& app, const std::string& name, const std::string& description)
    : name_(app.get_parent() == nullptr ? name : app.get_name() + " " + name),
      command_(*app.add_subcommand(name, description)) {}

Declared OptionTable::add(Kind kind, CLI::Option* option, Need need, std::function<std::string()> value) {
  entries_.push_back({option->get_name(), kind, std::move(need), option, std::move(value)});
  return Declared(option);
}

Declared OptionTable::required_text(const std::string& name, std::string& value, const std::string& help) {
  return text(name, value, help, always_has_effect()).required();
}

Declared OptionTable::text(const std::string& name, std::string& value, const std::string& help, Need need) {
  CLI::Option* option = command_.add_option(name, value, help)->check(not_empty());
  if (!value.empty()) option->capture_default_str();
  return add(Kind::text, option, std::move(need), [&value] { return value; });
}

Declared OptionTable::choice(const std::string& name, std::string& value, std::vector<std::string> names,
                             const std::string& help, Need need) {
  CLI::Option* option =
      command_.add_option(name, value, help + ": " + alternatives(names))->check(CLI::Validator(one_of(names), ""));
  if (!value.empty()) option->capture_default_str();
  return add(Kind::choice, option, std::move(need), [&value] { return value; });
}

Declared OptionTable::add_choice(const std::string& name, const std::vector<std::string>& names,
                                 const std::string& help, Need need,
                                 std::function<std::string(const std::string&)> current,
                                 const std::function<void(const std::string&)>& read,
                                 const std::function<std::string()>& value) {
  const auto check = [known = one_of(names), current](std::string& text) {
    std::string name_today = current(text);
    const std::string error = known(name_today);
    return error.empty() ? error : known(text);
  };
  CLI::Option* option = command_.add_option_function<std::string>(name, read, help + ": " + alternatives(names));
  option->check(CLI::Validator(check, ""));
  const Declared declared = add(Kind::choice, option, std::move(need), value);
  entries_.back().current = std::move(current);
  return declared;
}

Declared OptionTable::add_list(const std::string& name, const std::string& help, Need need,
                               const std::function<void(const std::vector<std::string>&)>& read,
                               const std::function<std::string(std::string&)>& check_each,
                               const std::function<std::string()>& value) {
  // Not CLI11's own lists, which skip empty items.
  const auto check = [check_each](std::string& text) {
    for (std::string& each : split(text)) {
      const std::string item = each, error = check_each(each);
      if (!error.empty()) return error + (item == text ? "" : " in '" + text + "'");
    }
    return std::string();
  };
  CLI::Option* option = command_.add_option_function<std::string>(
      name, [read](const std::string& text) { read(split(text)); }, help);
  option->check(CLI::Validator(check, ""))->type_name("LIST");
  if (!value().empty()) option->default_str(value());
  return add(Kind::list, option, std::move(need), value);
}

Declared OptionTable::list(const std::string& name, std::vector<int>& values, int low, int high,
                           const std::string& help, Need need) {
  const auto read = [&values](const std::vector<std::string>& items) {
    values.clear();
    for (const std::string& each : items) values.push_back(std::stoi(each));
  };
  return add_list(name, help, std::move(need), read, in_range(low, high), [&values] { return value_text(values); });
}

Declared OptionTable::list(const std::string& name, std::vector<std::string>& values,
                           const std::vector<std::string>& names, const std::string& help, Need need) {
  return add_list(
      name, help, std::move(need), [&values](const std::vector<std::string>& items) { values = items; }, one_of(names),
      [&values] { return value_text(values); });
}

Declared OptionTable::flag(const std::string& name, bool& value, const std::string& help, Need need) {
  const auto check = [](std::string& text) {
    return text == "true" || text == "false" ? std::string() : "expected no value, got '" + text + "'";
  };
  CLI::Option* option = command_.add_flag(name, value, help)->check(CLI::Validator(check, ""));
  return add(Kind::flag, option, std::move(need), [&value] { return value_text(value); });
}

Declared OptionTable::flag_or_number(const std::string& name, std::string& value, const std::string& value_if_alone,
                                     double low, double high, const std::string& help, Need need) {
  const CLI::Validator range = in_range(low, high);
  const CLI::Validator range_or_alone(
      [range, value_if_alone](std::string& text) { return text == value_if_alone ? std::string() : range(text); },
      range.get_description());
  CLI::Option* option = command_.add_flag(name + "{" + value_if_alone + "}", value, help)->transform(range_or_alone);
  return add(Kind::number, option, std::move(need), [&value] { return value; });
}

template <class T>
Declared OptionTable::add_number(const std::string& name, T& value, T low, T high, const std::string& help, Need need,
                                 const std::string& reason, bool shows_default) {
  CLI::Option* option = command_.add_option(name, value, help)->transform(in_range<T>(low, high, reason));
  if (shows_default) option->capture_default_str();
  return add(Kind::number, option, std::move(need), [&value] { return value_text(value); });
}
template Declared OptionTable::add_number(const std::string&, int&, int, int, const std::string&, Need,
                                          const std::string&, bool);
template Declared OptionTable::add_number(const std::string&, std::int64_t&, std::int64_t, std::int64_t,
                                          const std::string&, Need, const std::string&, bool);
template Declared OptionTable::add_number(const std::string&, std::uint64_t&, std::uint64_t, std::uint64_t,
                                          const std::string&, Need, const std::string&, bool);
template Declared OptionTable::add_number(const std::string&, double&, double, double, const std::string&, Need,
                                          const std::string&, bool);

void OptionTable::on_run(std::function<void()> action, std::function<bool()> values_are_known) {
  command_.callback([this, action = std::move(action), values_are_known = std::move(values_are_known)] {
    // Recorded now, because a resumed run's values are added to the options later.
    for (Entry& each : entries_) each.is_given = each.option->count() > 0;
    if (values_are_known()) check_needs();
    action();
  });
}

void OptionTable::check_needs() const {
  for (const Entry& each : entries_) {
    if (!each.is_given) continue;
    for (const std::vector<Condition>& group : each.need.groups()) {
      if (std::any_of(group.begin(), group.end(), [](const Condition& any) { return any.is_met(); })) continue;
      std::string wanted, got;
      for (const Condition& condition : group) {
        wanted += (wanted.empty() ? "" : ", or ") + condition.text;
        got += (got.empty() ? "" : ", ") + condition.got();
      }
      throw CLI::ValidationError(each.name, "needs " + wanted + ", got " + got);
    }
  }
}

}  // namespace scorematch::cli
