// Structured logs on stderr: a message for people and keys with values for machines.
//
//   log::warning("Sink is being retried.", {{"component", id}, {"attempt", attempt}});
//
// Every function here may be called by any thread at any time, also before configure() and while
// the process ends. None throws: what cannot be written is dropped. A line is written by one call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace flowrun::log {

// In the order of flow_log_level.
enum class Level { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

enum class Format {
  kAuto,  // text where stderr is a terminal, else JSON
  kText,  // 2025-10-28T10:15:30.123Z info    Message. key=value key="two words"
  kJson   // {"time":"2025-10-28T10:15:30.123Z","level":"info","message":"Message.","key":"value"}
};

struct Options {
  Format format = Format::kAuto;
  Level level = Level::kInfo;  // what is less important is not written
};

// The values of --log-level (debug, info, warning, error) and --log-format (auto, text, json).
std::optional<Level> parse_level(std::string_view name) noexcept;
std::optional<Format> parse_format(std::string_view name) noexcept;

void configure(const Options& options) noexcept;

template <typename T>
concept Loggable = std::is_arithmetic_v<T> || std::is_convertible_v<const T&, std::string_view>;

// One value; text is borrowed for the call it is passed to. Converts on purpose: {"rows", n}.
class Value {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  Value(std::nullptr_t) noexcept {}
  Value(const char* text) noexcept {
    if (text != nullptr) value_ = std::string_view(text);
  }
  template <Loggable T>
  Value(const T& value) noexcept {
    if constexpr (std::is_same_v<T, bool>) {
      value_ = value;
    } else if constexpr (std::is_floating_point_v<T>) {
      value_ = static_cast<double>(value);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      value_ = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_integral_v<T>) {
      value_ = static_cast<std::uint64_t>(value);
    } else {
      value_ = std::string_view(value);
    }
  }
  // NOLINTEND(google-explicit-constructor)

  using Any =
      std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string_view>;
  const Any& any() const noexcept { return value_; }

 private:
  Any value_;
};

// Keys are snake_case words. `time`, `level` and `message` are taken; given as a key they get a
// trailing underscore.
struct Field {
  std::string_view key;
  Value value;
};
using Fields = std::initializer_list<Field>;

// Whether a line of this level would be written: to skip costly preparations.
bool enabled(Level level) noexcept;

void write(Level level, std::string_view message, std::span<const Field> fields) noexcept;

inline void write(Level level, std::string_view message, Fields fields = {}) noexcept {
  write(level, message, std::span<const Field>(fields.begin(), fields.size()));
}
inline void debug(std::string_view message, Fields fields = {}) noexcept {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) noexcept {
  write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) noexcept {
  write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) noexcept {
  write(Level::kError, message, fields);
}

// Lets one message through per interval and counts the others, for what may happen per batch or
// faster. Lives as long as the trouble it speaks of: a member or a static of the place that logs.
class Every {
 public:
  explicit Every(std::chrono::nanoseconds interval) noexcept : interval_(interval) {}

  // Writes now, with the key `suppressed` if messages were held back since the last one, or counts.
  void write(Level level, std::string_view message, Fields fields = {}) noexcept;

  // How many were held back since the last message if one may be written now; else nothing, and
  // this one counts as held back.
  std::optional<std::uint64_t> admit(std::chrono::steady_clock::time_point now) noexcept;

 private:
  const std::chrono::nanoseconds interval_;
  std::atomic<std::int64_t> next_{INT64_MIN};  // nanoseconds of the steady clock
  std::atomic<std::uint64_t> suppressed_{0};
};

// Whether status_line() can be seen: stderr is a capable terminal and the format is text.
bool has_status_line() noexcept;

// Shows `text` (one line, narrower than the terminal) below the log until it is replaced; empty
// removes it. Log lines clear it, write themselves and draw it again.
void status_line(std::string_view text) noexcept;

// Sends all output to `writer` instead of stderr, one call a line, serialised; an empty function
// goes back to stderr. For tests. `writer` must not log.
void redirect(std::function<void(std::string_view)> writer) noexcept;

}  // namespace flowrun::log
