/// @file
/// Rows of numbers as text: .csv, .tsv and similar files.
#pragma once
#include "cli/data/table.h"
#include "cli/files/byte_source.h"

namespace scorematch::cli {

/// Numbers separated by semicolons, tabs, commas or blanks (csv_separator()), with points or, if the separator is a
/// semicolon or a tab, commas as decimal marks. A first row without any number is a header. This is our own reader,
/// because no library in Debian names line, field, column and value in its errors and distinguishes missing values from
/// text.
/// @param missing what becomes of missing values: refused, or NaN in the table
/// @throws Error io naming the file, the line, the field, its column, the value found and the value needed;
/// out_of_memory
Table read_csv(ByteSource& file, Missing missing);

}  // namespace scorematch::cli
