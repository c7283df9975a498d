#include "formats/file_kind.h"

#include <cstdint>
#include <cstring>
#include <fstream>

namespace scorematch {
namespace {

struct Signature {
  std::string_view bytes;
  const char* kind;
  std::size_t offset = 0;  // of the bytes in the file
  bool is_text = false;    // whether such a file may consist of text only
};

using namespace std::string_view_literals;

constexpr Signature kSignatures[] = {
    {"\x93NUMPY"sv, "a NumPy array"},
    {"PK\x03\x04"sv, "a zip archive"},
    {"PK\x05\x06"sv, "an empty zip archive"},
    {"\x1f\x8b"sv, "a file compressed by gzip"},
    {"BZh"sv, "a file compressed by bzip2"},
    {"\xfd\x37zXZ\0"sv, "a file compressed by xz"},
    {"\x28\xb5\x2f\xfd"sv, "a file compressed by zstd"},
    {"\x04\x22\x4d\x18"sv, "a file compressed by lz4"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {"Rar!\x1a\x07"sv, "a RAR archive"},
    {"ustar"sv, "a tar archive", 257},
    {"\x89PNG\r\n\x1a\n"sv, "a PNG picture"},
    {"\xff\xd8\xff"sv, "a JPEG picture"},
    {"GIF87a"sv, "a GIF picture"},
    {"GIF89a"sv, "a GIF picture"},
    {"II*\0"sv, "a TIFF picture"},
    {"MM\0*"sv, "a TIFF picture"},
    {"WEBP"sv, "a WebP picture", 8},
    {"WAVE"sv, "a WAV recording", 8},
    {"ID3"sv, "an MP3 recording"},
    {"OggS"sv, "an Ogg recording"},
    {"fLaC"sv, "a FLAC recording"},
    {"ftyp"sv, "a video or a HEIF picture", 4},
    {"%PDF-"sv, "a PDF document", 0, true},
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
    {"MATLAB 5.0"sv, "a MATLAB file"},
    {"MATLAB 7.3"sv, "a MATLAB file"},
    {"CDF\x01"sv, "a NetCDF file"},
    {"CDF\x02"sv, "a NetCDF file"},
    {"CDF\x05"sv, "a NetCDF file"},
    {"PAR1"sv, "a Parquet file"},
    {"ARROW1"sv, "an Arrow file"},
    {"FEA1"sv, "a Feather file"},
    {"Obj\x01"sv, "an Avro file"},
    {"SQLite format 3\0"sv, "an SQLite database"},
    {"SIMPLE  ="sv, "a FITS file", 0, true},
    {"DICM"sv, "a DICOM picture", 128},
    {"RDX2\n"sv, "an R data file"},
    {"RDX3\n"sv, "an R data file"},
    {"<stata_dta>"sv, "a Stata file", 0, true},
    {"$FL2"sv, "an SPSS file"},
    {"GGUF"sv, "a GGUF model"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "an old Excel workbook or Office document"},
    {"\x7f\x45LF"sv, "an executable program"},
    {"<?xml"sv, "an XML document", 0, true},
    {"<!DOCTYPE"sv, "an HTML page", 0, true},
    {"<!doctype"sv, "an HTML page", 0, true},
    {"<html"sv, "an HTML page", 0, true},
    {"{\\rtf"sv, "an RTF document", 0, true},
};

/// A table may have a column named PAR1. So a signature of letters counts only if the file is not all text.
bool is_all_text(std::string_view start) {
  for (const char each : start)
    if (static_cast<unsigned char>(each) < 0x20 && std::string_view("\t\r\n\f").find(each) == std::string_view::npos)
      return false;
  return true;
}

/// Protocols 2 to 5 begin with their number; 4 and 5 continue with a frame.
bool is_pickle(std::string_view start) {
  if (start.size() < 3 || start[0] != '\x80' || start[1] < 2 || start[1] > 5) return false;
  return start[1] < 4 ? std::string_view("}](cX").find(start[2]) != std::string_view::npos : start[2] == '\x95';
}

/// 8 bytes of length, then a JSON object.
bool is_safetensors(std::string_view start) {
  std::uint64_t length = 0;
  if (start.size() < 10) return false;
  std::memcpy(&length, start.data(), sizeof length);
  return length >= 2 && length <= 100'000'000 && start[8] == '{' && (start[9] == '"' || start[9] == '}');
}

bool is_json(std::string_view start) {
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (start[first] != '{' && start[first] != '[')) return false;
  const std::size_t second = start.find_first_not_of(" \t\r\n", first + 1);
  return second != std::string_view::npos && std::string_view("\"{[").find(start[second]) != std::string_view::npos;
}

}  // namespace

std::string file_kind(std::string_view start) {
  const bool is_text = is_all_text(start);
  for (const Signature& each : kSignatures)
    if ((each.is_text || !is_text || static_cast<unsigned char>(each.bytes[0]) >= 0x80) &&
        start.size() >= each.offset + each.bytes.size() && start.substr(each.offset, each.bytes.size()) == each.bytes)
      return each.kind;
  if (is_safetensors(start)) return "a safetensors file";
  if (is_pickle(start)) return "a Python pickle";
  if (is_json(start)) return "a JSON document";
  return "";
}

std::string kind_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char start[kFileKindBytes];
  file.read(start, sizeof start);
  return file_kind({start, static_cast<std::size_t>(file.gcount())});
}

}  // namespace scorematch
