#include "core/state/journal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "core/state/byte_order.hpp"
#include "core/state/file.hpp"
#include "core/state/journal_segment.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;

// An emptied segment is put away when it has grown to this.
constexpr std::uint64_t kWorthRemoving = std::uint64_t{1} << 20;

template <class Call>
auto told(Call call) {
  try {
    return call();
  } catch (const std::system_error& error) {
    throw JournalError(error.what());
  }
}

}  // namespace

class Journal::Log {
 public:
  Log(fs::path folder, Options options, Durable durable)
      : folder_(std::move(folder)), options_(options), durable_callback_(std::move(durable)) {
    options_.segment_bytes = std::min(options_.segment_bytes, options_.limit / 4);
    told([&] {
      fs::create_directories(folder_);
      open();
    });
    durable_ = end_;
    thread_ = std::thread([this] { run(); });
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    appended_.notify_all();
    thread_.join();
  }

  std::optional<std::uint64_t> append(std::string_view bytes) {
    if (bytes.size() > kLongestRecord) {
      throw JournalError(fmt::format("{}: a record of {} bytes, and the longest has {}",
                                     folder_.string(), bytes.size(), kLongestRecord));
    }
    const std::lock_guard lock(mutex_);
    if (!problem_.empty()) throw JournalError(problem_);
    const std::uint64_t size = kRecordHeaderBytes + bytes.size();
    if (end_ > segments_.front().start &&
        static_cast<std::int64_t>(end_ - segments_.front().start + size) > options_.limit) {
      return std::nullopt;
    }
    told([&] {
      if (end_ - segments_.back().start + size >
              static_cast<std::uint64_t>(options_.segment_bytes) &&
          end_ > segments_.back().start) {
        roll();
      }
      try {
        file_.write(record_header(bytes, end_, durable_));
        file_.write(bytes);
      } catch (const std::system_error&) {
        file_.truncate(kSegmentHeaderBytes + end_ - segments_.back().start);
        throw;
      }
    });
    end_ += size;
    segments_.back().end = end_;
    if (unsynced_since_ == Clock::time_point{}) unsynced_since_ = Clock::now();
    appended_.notify_one();
    return end_;
  }

  void sync() {
    std::unique_lock lock(mutex_);
    const std::uint64_t wanted = end_;
    hurry_ = true;
    appended_.notify_one();
    synced_.wait(lock, [&] { return durable_ >= wanted || !problem_.empty(); });
    if (durable_ < wanted) throw JournalError(problem_);
  }

  std::uint64_t begin() const {
    const std::lock_guard lock(mutex_);
    return segments_.front().start;
  }
  std::uint64_t end() const {
    const std::lock_guard lock(mutex_);
    return end_;
  }
  std::int64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(end_ - segments_.front().start +
                                     segments_.size() * kSegmentHeaderBytes);
  }
  const std::string& note() const { return note_; }
  std::vector<Segment> segments() const {
    const std::lock_guard lock(mutex_);
    return segments_;
  }
  const fs::path& folder() const { return folder_; }

  void truncate_before(std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    told([&] {
      const std::uint64_t last = end_ - segments_.back().start;
      const auto share = static_cast<std::uint64_t>(options_.limit / 8);
      if (offset >= end_ && last >= std::min(kWorthRemoving, share)) roll();
      while (segments_.size() > 1 && segments_.front().end <= offset) {
        fs::remove(segments_.front().path);
        segments_.erase(segments_.begin());
      }
    });
  }

 private:
  using Clock = std::chrono::steady_clock;

  void open() {
    segments_ = find_segments(folder_);
    std::uint64_t told_durable = 0;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      Segment& segment = segments_[i];
      const bool last = i + 1 == segments_.size();
      if (i > 0 && segment.start != segments_[i - 1].end) {
        throw JournalError(
            fmt::format("{} begins at offset {}, and the segment before it ends at "
                        "{}: something between is missing",
                        segment.path.string(), segment.start, segments_[i - 1].end));
      }
      const SegmentCheck check = check_segment(segment);
      told_durable = std::max(told_durable, check.durable);
      segment.end = check.end;
      if (check.problem.empty()) continue;
      // Segments before the last one were synced before the next was begun.
      if (!last || told_durable > check.end) {
        throw JournalError(fmt::format("{} is damaged at offset {}: {}", segment.path.string(),
                                       check.end, check.problem));
      }
      note_ = fmt::format("{} was cut off at offset {}: {} ({} bytes that were not durable yet)",
                          segment.path.string(), check.end, check.problem, check.left);
      cut(segment, check);
    }
    if (segments_.empty()) {
      begin_segment(0);
    } else {
      file_ = File::append(segments_.back().path);
      file_.sync();
    }
    end_ = segments_.back().end;
  }
  void cut(const Segment& segment, const SegmentCheck& check) {
    if (!check.has_header) {
      File::create(segment.path).write(segment_header(segment.start));
      return;
    }
    File file = File::append(segment.path);
    file.truncate(kSegmentHeaderBytes + check.end - segment.start);
    file.sync();
  }

  void begin_segment(std::uint64_t start) {
    const fs::path path = segment_path(folder_, start);
    try {
      File file = File::create(path);
      file.write(segment_header(start));
      file.sync();
      sync_folder(folder_);
      file_ = std::move(file);
    } catch (const std::system_error&) {
      std::error_code ignored;
      fs::remove(path, ignored);
      throw;
    }
    segments_.push_back({path, start, start});
  }
  // The old segment is on the disk before the new one is begun.
  void roll() {
    file_.sync();
    begin_segment(end_);
  }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      appended_.wait(lock, [&] { return stopping_ || (end_ > durable_ && problem_.empty()); });
      if (!stopping_) {
        appended_.wait_until(lock, unsynced_since_ + options_.sync_within,
                             [&] { return stopping_ || hurry_; });
      }
      hurry_ = false;
      if (end_ == durable_ || !problem_.empty()) return;
      const std::uint64_t reached = end_;
      unsynced_since_ = {};
      const fs::path path = segments_.back().path;
      lock.unlock();
      std::string problem;
      try {
        // A descriptor of its own: roll() syncs and closes the other.
        File::append(path).sync();
      } catch (const std::system_error& error) {
        problem = error.what();
      }
      lock.lock();
      // After a failed sync the system may have thrown away what it could not write.
      problem_ = problem;
      if (problem_.empty()) durable_ = reached;
      synced_.notify_all();
      if (!problem_.empty() || !durable_callback_) continue;
      lock.unlock();
      durable_callback_(reached);
      lock.lock();
    }
  }

  const fs::path folder_;
  Options options_;
  const Durable durable_callback_;
  std::string note_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable appended_, synced_;
  std::vector<Segment> segments_;  // never empty
  File file_;                      // the last one
  std::uint64_t end_ = 0;
  std::uint64_t durable_ = 0;
  Clock::time_point unsynced_since_{};
  std::string problem_;
  bool hurry_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

struct Journal::Reader::State {
  std::vector<Segment> segments;
  std::size_t at = 0;
  std::uint64_t offset = 0;
  File file;
  std::string record;
};

Journal::Journal(fs::path folder, Options options, Durable durable)
    : log_(std::make_unique<Log>(std::move(folder), options, std::move(durable))) {}
Journal::~Journal() = default;
std::optional<std::uint64_t> Journal::append(std::string_view bytes) { return log_->append(bytes); }
void Journal::sync() { log_->sync(); }
std::uint64_t Journal::begin() const { return log_->begin(); }
std::uint64_t Journal::end() const { return log_->end(); }
std::int64_t Journal::bytes() const { return log_->bytes(); }
const std::string& Journal::note() const { return log_->note(); }
void Journal::truncate_before(std::uint64_t offset) { log_->truncate_before(offset); }

Journal::Reader Journal::read(std::uint64_t offset) const {
  auto state = std::make_unique<Reader::State>();
  state->segments = log_->segments();
  state->offset = offset;
  const std::uint64_t begin = state->segments.front().start;
  const std::uint64_t end = state->segments.back().end;
  if (offset < begin || offset > end) {
    throw JournalError(
        fmt::format("the journal {} has offsets {} to {}, and {} is asked for: it is not the one "
                    "that the position belongs to",
                    log_->folder().string(), begin, end, offset));
  }
  while (state->at + 1 < state->segments.size() && state->segments[state->at].end <= offset) {
    ++state->at;
  }
  return Reader(std::move(state));
}

Journal::Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::Reader::Reader(Reader&&) noexcept = default;
Journal::Reader& Journal::Reader::operator=(Reader&&) noexcept = default;
Journal::Reader::~Reader() = default;

bool Journal::Reader::next(std::string_view& bytes, std::uint64_t& offset) {
  State& state = *state_;
  while (state.offset >= state.segments[state.at].end) {
    if (state.at + 1 == state.segments.size()) return false;
    ++state.at;
    state.file.close();
  }
  const Segment& segment = state.segments[state.at];
  return told([&] {
    if (!state.file.is_open()) state.file = File::read(segment.path);
    const std::string problem = read_record(state.file, segment, state.offset, state.record);
    if (!problem.empty()) {
      throw JournalError(fmt::format("{} is damaged at offset {}: {}", segment.path.string(),
                                     state.offset, problem));
    }
    state.offset += kRecordHeaderBytes + state.record.size();
    bytes = state.record;
    offset = state.offset;
    return true;
  });
}

}  // namespace flowrun
