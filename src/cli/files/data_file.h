/// @file
/// Data of every format that the command knows, identified by the first bytes and not by the name; and the files
/// that the command writes.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cli/data/table.h"
#include "cli/report/phrase.h"

namespace scorematch::cli {

/// .npy, .npz, IDX, or separated text; all except .npz may be compressed with gzip. The error for any other file names
/// its format.
/// @param path of a file, or of an .npz archive and its array, "data.npz:x"
/// @param missing drop: rows with a missing value are left out and counted in Table::dropped_rows
/// @throws Error io naming the file, the place, the value found and the value needed; out_of_memory
Table read_data(const std::string& path, Missing missing = Missing::refuse);

/// The file and the array of "data.npz:x". A path that exists is a file, whatever its name.
std::pair<std::string, std::string> split_array(const std::string& path);

/// "4000 x 3, columns a, b, c": long lists of columns are shortened. With the facts kDataKeys.
Phrase describe(const Table& table);
const std::vector<std::string> kDataKeys = {"data.rows", "data.columns", "data.names[]", "data.dropped_rows"};

/// "refuse" or "drop".
Missing missing_named(const std::string& name);

/// Refuses a name that write_data() would refuse, before any work is done.
/// @param option that names the file
void check_data_name(const std::string& option, const std::string& path);

/// A .npy file, or a .csv file (with a header if the columns have names), by the ending of the name. Numbers have the
/// resolution of the table's element; as text they are the shortest that read back to the same float32 or float64. NaN
/// and infinities are written as nan, inf and -inf. A failure leaves the old file.
/// @throws Error io
void write_data(const std::string& path, const Table& table);

}  // namespace scorematch::cli
