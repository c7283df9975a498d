#include "cli/files/npz.h"

#include <algorithm>

#include "cli/files/npy.h"
#include "cli/files/npy_header.h"
#include "cli/files/zip_archive.h"

namespace scorematch::cli {
namespace {

const std::string kEnding = ".npy";

bool is_array(const ZipMember& member) {
  return member.name.size() > kEnding.size() &&
         member.name.compare(member.name.size() - kEnding.size(), kEnding.size(), kEnding) == 0;
}

std::string array_name(const ZipMember& member) { return member.name.substr(0, member.name.size() - kEnding.size()); }

/// Some of the names.
std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i == 0 ? "" : ", ") + quoted(names[i]);
  return text + (names.size() > kMost ? ", ... (" + std::to_string(names.size()) + " in all)" : "");
}

/// What a zip archive without arrays is.
[[noreturn]] void refuse_archive(const std::string& path, const std::vector<ZipMember>& members) {
  std::vector<std::string> names;
  std::string kind = "a zip archive";
  for (const ZipMember& each : members) {
    names.push_back(each.name);
    const auto ends = [&](const std::string& ending) {
      return each.name.size() >= ending.size() &&
             each.name.compare(each.name.size() - ending.size(), ending.size(), ending) == 0;
    };
    if (each.name == "xl/workbook.xml") kind = "an Excel workbook; save the sheet as .csv";
    if (each.name == "word/document.xml") kind = "a Word document";
    if (ends("/data.pkl")) kind = "a PyTorch file; save its tensor by numpy.save(path, tensor.numpy())";
  }
  refuse_file(path, "found " + kind + " (" + (names.empty() ? "empty" : "of " + list(names)) +
                        "), need data: an .npz archive has members that end in .npy");
}

}  // namespace

Table read_npz(const std::string& path, const std::string& array, Missing missing) {
  const std::vector<ZipMember> members = list_zip(path);
  std::vector<std::string> names;
  const ZipMember* chosen = nullptr;
  for (const ZipMember& each : members) {
    if (!is_array(each)) continue;
    names.push_back(array_name(each));
    if (array.empty() || array == names.back() || array == each.name) chosen = &each;
  }
  if (names.empty()) refuse_archive(path, members);
  if (array.empty() && names.size() > 1)
    refuse_file(path, "found " + std::to_string(names.size()) + " arrays, " + list(names) +
                          ", need one of them: " + path + ":" + names[0]);
  if (chosen == nullptr)
    refuse_file(path,
                "found no array " + quoted(array) + ", need " + (names.size() > 1 ? "one of " : "") + list(names));
  return read_npy(*open_zip_member(path, *chosen), missing);
}

}  // namespace scorematch::cli
