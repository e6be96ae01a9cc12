#include "operators/common/quantity.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>
#include <utility>

#include "flow/host.hpp"

namespace flow::operators {
namespace {

using Unit = std::pair<std::string_view, int64_t>;

constexpr std::array<Unit, 9> kSizes = {{{"b", 1},
                                         {"kb", 1'000},
                                         {"mb", 1'000'000},
                                         {"gb", 1'000'000'000},
                                         {"tb", 1'000'000'000'000},
                                         {"kib", int64_t{1} << 10},
                                         {"mib", int64_t{1} << 20},
                                         {"gib", int64_t{1} << 30},
                                         {"tib", int64_t{1} << 40}}};
constexpr std::array<Unit, 7> kDurations = {{{"d", 86'400'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};

// Zero: it is no such quantity. The sum of all number-and-unit pairs of the text.
template <size_t kUnits>
int64_t sum_of(std::string_view text, const std::array<Unit, kUnits>& units, bool many) {
  constexpr double kMost = 9.2e18;
  double sum = 0;
  for (int pairs = 0; !text.empty(); ++pairs) {
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0 || (pairs > 0 && !many)) return 0;
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    std::string name;
    while (!text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
      text.remove_prefix(1);
    }
    const auto* const unit = std::find_if(units.begin(), units.end(),
                                          [&](const Unit& known) { return known.first == name; });
    if (unit == units.end()) return 0;
    sum += number * static_cast<double>(unit->second);
    if (sum > kMost) return 0;
  }
  return static_cast<int64_t>(sum);
}

template <size_t kUnits>
int64_t read(const Value& value, std::string_view name, const std::array<Unit, kUnits>& units,
             bool many, const char* what) {
  const bool is_text = value.type == FLOW_OPTION_TEXT;
  const int64_t result = is_text ? sum_of(value.text, units, many) : 0;
  if (result > 0) return result;
  throw Failure((value.place.empty() ? "" : value.place + ": ") + std::string(name) +
                (is_text ? ": '" + value.text + "'" : ": the value") + " is no " + what);
}

}  // namespace

int64_t read_size(const Value& value, std::string_view name) {
  return read(value, name, kSizes, false, "size above zero; write eg \"100MiB\"");
}

int64_t read_duration(const Value& value, std::string_view name) {
  return read(value, name, kDurations, true, "duration above zero; write eg \"1h\" or \"1h30m\"");
}

}  // namespace flow::operators
