#include "operators/common/detectors/wording.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace flow::operators::detectors {

void append_number(std::string& text, double value) {
  constexpr int kDigits = 6;
  std::array<char, 64> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::general, kDigits);
  text.append(buffer.data(), written.ptr);
}

void append_count(std::string& text, uint64_t count) {
  const std::string digits = std::to_string(count);
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
}

void append_percent(std::string& text, double fraction) {
  const double percent = fraction * 100;
  if (percent >= 1000) {
    append_count(text, static_cast<uint64_t>(std::llround(percent)));
  } else {
    std::array<char, 64> buffer;
    const int decimals = percent >= 100 ? 0 : 1;
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), percent,
                                       std::chars_format::fixed, decimals);
    text.append(buffer.data(), written.ptr);
  }
  text += " %";
}

void append_duration(std::string& text, int64_t nanoseconds) {
  constexpr std::array<std::pair<int64_t, const char*>, 6> kUnits{{{3'600'000'000'000, "h"},
                                                                   {60'000'000'000, "m"},
                                                                   {1'000'000'000, "s"},
                                                                   {1'000'000, "ms"},
                                                                   {1'000, "us"},
                                                                   {1, "ns"}}};
  if (nanoseconds == 0) text += "0s";
  for (const auto& [unit, name] : kUnits) {
    if (nanoseconds < unit) continue;
    text.append(std::to_string(nanoseconds / unit)).append(name);
    nanoseconds %= unit;
  }
}

}  // namespace flow::operators::detectors
