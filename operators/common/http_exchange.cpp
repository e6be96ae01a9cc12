#include "operators/common/http_exchange.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <new>

#include "operators/common/compression.hpp"
#include "operators/common/json_walk.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

bool is_same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

HttpAnswer HttpAnswer::error(int status, std::string_view message) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = "{\"error\":" + json_quoted(message) + "}\n";
  return answer;
}

HttpAnswer HttpAnswer::later(int status, std::string_view message) {
  HttpAnswer answer = error(status, message);
  answer.headers = "Retry-After: 1\r\n";
  return answer;
}

Buffer HttpMemory::allocate(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  try {
    return is_closed_ ? Buffer() : host_.allocate(bytes);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

void HttpMemory::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

HttpBody& HttpBody::operator=(HttpBody&& other) noexcept {
  if (this == &other) return *this;
  clear();
  memory_ = std::move(other.memory_);
  most_ = other.most_;
  charged_ = std::exchange(other.charged_, 0);
  size_ = std::exchange(other.size_, 0);
  small_ = std::move(other.small_);
  buffer_ = std::move(other.buffer_);
  other.clear();
  return *this;
}

void HttpBody::start(std::shared_ptr<HttpMemory> memory, int64_t most) {
  clear();
  memory_ = std::move(memory);
  most_ = memory_ ? most : 0;
}

void HttpBody::clear() {
  buffer_ = Buffer();
  if (memory_ && charged_ > 0) memory_->budget().give_back(charged_);
  charged_ = 0;
  charged_beside_ = 0;
  size_ = 0;
  small_.clear();
  memory_.reset();
}

HttpBody::Outcome HttpBody::reserve(int64_t bytes) {
  if (bytes > most_) return Outcome::kTooLarge;
  if (bytes > kSmall) return grow(bytes);
  small_.reserve(static_cast<size_t>(bytes + kJsonPadding));
  return Outcome::kDone;
}

HttpBody::Outcome HttpBody::grow(int64_t capacity) {
  const int64_t wanted = capacity + kJsonPadding;
  // It would find no room if it were alone, and coming again would not help.
  if (wanted + charged_ + charged_beside_ > memory_->budget().most()) return Outcome::kTooLarge;
  if (!memory_->budget().take(wanted)) return Outcome::kNoRoom;
  Buffer larger = memory_->allocate(wanted);
  if (!larger) {
    memory_->budget().give_back(wanted);
    return Outcome::kNoRoom;
  }
  std::memcpy(larger->data, data(), static_cast<size_t>(size_));
  memory_->budget().give_back(std::exchange(charged_, wanted));
  buffer_ = std::move(larger);
  small_.clear();
  return Outcome::kDone;
}

HttpBody::Outcome HttpBody::append(std::string_view bytes) {
  const auto more = static_cast<int64_t>(bytes.size());
  if (size_ + more > most_) return Outcome::kTooLarge;
  if (!buffer_ && size_ + more <= kSmall) {
    small_.resize(static_cast<size_t>(size_));
    small_.append(bytes);
    size_ += more;
    small_.append(kJsonPadding, ' ');
    return Outcome::kDone;
  }
  if (!buffer_ || size_ + more + kJsonPadding > buffer_->capacity) {
    const int64_t doubled = std::min(most_, std::max(size_ + more, 2 * size_));
    const Outcome outcome = grow(doubled);
    if (outcome != Outcome::kDone) return outcome;
  }
  std::memcpy(data() + size_, bytes.data(), bytes.size());
  size_ += more;
  std::memset(data() + size_, ' ', kJsonPadding);
  return Outcome::kDone;
}

HttpBody::Outcome HttpBody::unzip(std::string& error) {
  HttpBody plain;
  plain.start(memory_, most_);
  plain.charged_beside_ = charged_;
  const auto decompressor = make_decompressor(Compression::kGzip);
  std::array<char, 32 << 10> piece{};
  std::string_view rest(data(), static_cast<size_t>(size_));
  while (true) {
    const Decompressor::Step step = decompressor->step(rest, piece.data(), piece.size());
    rest.remove_prefix(step.consumed);
    const Outcome outcome = plain.append({piece.data(), step.produced});
    if (outcome != Outcome::kDone) return outcome;
    if (!step.error.empty()) {
      error = step.error;
      return Outcome::kDone;
    }
    if (step.consumed == 0 && step.produced == 0) break;
  }
  if (!decompressor->at_boundary()) {
    error = "it ends in the middle of a gzip member";
    return Outcome::kDone;
  }
  *this = std::move(plain);
  return Outcome::kDone;
}

std::string_view HttpRequest::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (is_same_name(known, name)) return value;
  }
  return {};
}

HttpMailbox::HttpMailbox(boost::asio::io_context& io, std::function<void()> deliver)
    : io_(&io), deliver_(std::move(deliver)) {}

void HttpMailbox::post(Item item) {
  const std::lock_guard lock(mutex_);
  if (io_ == nullptr) return;
  items_.push_back(std::move(item));
  if (!std::exchange(is_posted_, true)) boost::asio::post(*io_, deliver_);
}

std::vector<HttpMailbox::Item> HttpMailbox::take() {
  const std::lock_guard lock(mutex_);
  is_posted_ = false;
  return std::exchange(items_, {});
}

void HttpMailbox::close() {
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
  items_.clear();
}

}  // namespace flow::operators
