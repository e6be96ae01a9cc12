#include "core/observe/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/observe/text.hpp"

namespace flowrun::log {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kClearLine = "\r\x1b[K";

std::string_view level_name(Level level) { return kLevelNames[static_cast<int>(level)]; }

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

// Finished lines to stderr, around the status line. The mutex of base_sink guards all members.
class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void show_status(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (text == status_) return;
    std::string drawn(kClearLine);
    drawn += text;
    status_ = text;
    put(drawn);
  }

  void redirect(std::function<void(std::string_view)> writer) {
    const std::lock_guard lock(mutex_);
    writer_ = std::move(writer);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    if (status_.empty()) {
      put(line);
      return;
    }
    std::string framed(kClearLine);
    framed += line;
    framed += status_;
    put(framed);
  }

  void flush_() override {}

 private:
  void put(std::string_view bytes) {
    if (writer_) {
      writer_(bytes);
      return;
    }
    while (!bytes.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::string status_;
  std::function<void(std::string_view)> writer_;
};

struct Log {
  Log() : sink(std::make_shared<TerminalSink>()), logger("flowrun", sink) {
    logger.set_level(spdlog::level::info);
    logger.set_error_handler([](const std::string&) {});
  }

  std::shared_ptr<TerminalSink> sink;
  spdlog::logger logger;
  std::atomic<bool> text{stderr_is_terminal()};
};

// Never destroyed, so that destructors of statics may log.
Log& instance() {
  static Log* const kLog = new Log;
  return *kLog;
}

void append_time(std::string& out) {
  const auto now = std::chrono::system_clock::now();
  const auto since = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(since).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, since.count() % 1000);
}

// Numbers, bool and null, the same in both formats; text through `append_text`.
template <typename AppendText>
void append_value(std::string& out, const Value& value, AppendText append_text) {
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          out += "null";
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          append_text(held);
        } else if constexpr (std::is_same_v<T, double>) {
          if (std::isfinite(held)) {
            fmt::format_to(std::back_inserter(out), "{}", held);
          } else {
            out += "null";  // JSON has no word for it
          }
        } else {
          fmt::format_to(std::back_inserter(out), "{}", held);
        }
      },
      value.any());
}

std::string json_line(Level level, std::string_view message, std::span<const Field> fields) {
  std::string line = "{\"time\":\"";
  append_time(line);
  line += "\",\"level\":\"";
  line += level_name(level);
  line += "\",\"message\":";
  append_json_string(line, message);
  for (const Field& field : fields) {
    line += ',';
    if (field.key == "time" || field.key == "level" || field.key == "message") {
      line += fmt::format("\"{}_\"", field.key);
    } else {
      append_json_string(line, field.key);
    }
    line += ':';
    append_value(line, field.value, [&](std::string_view text) { append_json_string(line, text); });
  }
  line += "}\n";
  return line;
}

std::string text_line(Level level, std::string_view message, std::span<const Field> fields) {
  std::string line;
  append_time(line);
  line += fmt::format(" {:<7} ", level_name(level));
  append_printable(line, message);
  for (const Field& field : fields) {
    line += ' ';
    append_printable(line, field.key);
    line += '=';
    append_value(line, field.value, [&](std::string_view text) {
      if (!text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos) {
        append_printable(line, text);
        return;
      }
      std::string quoted = "\"";
      for (const char character : text) {
        if (character == '"' || character == '\\') quoted += '\\';
        quoted += character;
      }
      quoted += '"';
      append_printable(line, quoted);
    });
  }
  line += '\n';
  return line;
}

}  // namespace

std::optional<Level> parse_level(std::string_view name) noexcept {
  for (int index = 0; index < 4; ++index) {
    if (name == kLevelNames[index]) return static_cast<Level>(index);
  }
  return std::nullopt;
}

std::optional<Format> parse_format(std::string_view name) noexcept {
  if (name == "auto") return Format::kAuto;
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  return std::nullopt;
}

void configure(const Options& options) noexcept {
  try {
    Log& log = instance();
    log.logger.set_level(spdlog_level(options.level));
    log.text = options.format == Format::kText ||
               (options.format == Format::kAuto && stderr_is_terminal());
  } catch (...) {  // out of memory: the log stays as it was
  }
}

bool enabled(Level level) noexcept {
  try {
    return instance().logger.should_log(spdlog_level(level));
  } catch (...) {
    return false;
  }
}

void write(Level level, std::string_view message, std::span<const Field> fields) noexcept {
  try {
    Log& log = instance();
    if (!log.logger.should_log(spdlog_level(level))) return;
    const std::string line =
        log.text ? text_line(level, message, fields) : json_line(level, message, fields);
    log.logger.log(spdlog_level(level), spdlog::string_view_t(line));
  } catch (...) {  // out of memory: the line is lost, the caller is not
  }
}

void Every::write(Level level, std::string_view message, Fields fields) noexcept {
  const std::optional<std::uint64_t> suppressed = admit(std::chrono::steady_clock::now());
  if (!suppressed) return;
  if (*suppressed == 0) {
    log::write(level, message, fields);
    return;
  }
  try {
    std::vector<Field> with_count(fields);
    with_count.push_back({"suppressed", *suppressed});
    log::write(level, message, std::span<const Field>(with_count));
  } catch (...) {
  }
}

std::optional<std::uint64_t> Every::admit(std::chrono::steady_clock::time_point now) noexcept {
  const std::int64_t at =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (at < next || !next_.compare_exchange_strong(next, at + interval_.count())) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return suppressed_.exchange(0, std::memory_order_relaxed);
}

bool has_status_line() noexcept {
  try {
    return instance().text && stderr_is_terminal();
  } catch (...) {
    return false;
  }
}

void status_line(std::string_view text) noexcept {
  try {
    instance().sink->show_status(text);
  } catch (...) {
  }
}

void redirect(std::function<void(std::string_view)> writer) noexcept {
  try {
    instance().sink->redirect(std::move(writer));
  } catch (...) {
  }
}

}  // namespace flowrun::log
