#include "operators/sinks/file_names.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "operators/common/compression.hpp"
#include "operators/sinks/file_target.hpp"

namespace flow::operators {
namespace {

constexpr size_t kMostFolders = 4096;  // remembered at once
constexpr int kDigits = 4;             // at least

// Where a number stands in a file's name.
size_t number_place(std::string_view name) {
  size_t end = name.size();
  if (compression_by_extension(name) != Compression::kNone) end = name.rfind('.');
  const size_t dot = name.substr(0, end).rfind('.');
  // A dot in front makes a hidden file, not an extension.
  return dot == std::string_view::npos || dot == 0 ? end : dot;
}

bool take_suffix(std::string_view& name, std::string_view suffix) {
  if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix) {
    return false;
  }
  name.remove_suffix(suffix.size());
  return true;
}

// The name without its number, which is 0 where it has none.
std::string without_number(std::string_view name, int64_t& number) {
  const size_t place = number_place(name);
  size_t digits = place;
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
  number = 0;
  if (place - digits >= kDigits && digits > 0 && name[digits - 1] == '-') {
    const auto [rest, error] = std::from_chars(name.data() + digits, name.data() + place, number);
    if (error == std::errc() && number > 0) {
      std::string base(name.substr(0, digits - 1));
      base.append(name.substr(place));
      return base;
    }
    number = 0;
  }
  return std::string(name);
}

}  // namespace

std::string numbered_path(const std::string& path, int64_t number) {
  if (number == 0) return path;
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  std::string result = path;
  result.insert(name + number_place(std::string_view(path).substr(name)), "-" + digits);
  return result;
}

FileNumbers::Highest FileNumbers::read(const std::string& folder) const {
  Highest highest;
  std::error_code error;
  std::filesystem::directory_iterator at(folder.empty() ? "." : folder, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string whole = at->path().filename().string();
    std::string_view name = whole;
    if (take_suffix(name, kUnfinishedSuffix) && !parts_count_) continue;
    int64_t number = 0;
    const std::string base = without_number(name, number);
    const auto [known, is_new] = highest.try_emplace(base, number);
    known->second = std::max(known->second, number);
  }
  return highest;
}

FileNumbers::Highest& FileNumbers::folder_of(const std::string& path, std::string& name) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  name = path.substr(folder.size());
  auto known = folders_.find(folder);
  if (known == folders_.end()) {
    if (folders_.size() >= kMostFolders) folders_.clear();
    known = folders_.emplace(folder, read(folder)).first;
  }
  return known->second;
}

int64_t FileNumbers::take(const std::string& path, int64_t least) {
  std::string name;
  const auto [highest, is_new] = folder_of(path, name).try_emplace(name, -1);
  highest->second = std::max(highest->second + 1, least);
  return highest->second;
}

void FileNumbers::note(const std::string& numbered) {
  std::string name;
  Highest& highest = folder_of(numbered, name);
  int64_t number = 0;
  const std::string base = without_number(name, number);
  const auto [known, is_new] = highest.try_emplace(base, number);
  known->second = std::max(known->second, number);
}

}  // namespace flow::operators
