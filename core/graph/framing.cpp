#include "core/graph/framing.hpp"

#include <algorithm>
#include <utility>

namespace flowrun {

Framing::Framing(flow_operator* framer, flow::host::MemoryAccount& account)
    : framer_(framer), account_(account) {
  if (framer->extension == nullptr) return;
  context_ = static_cast<const flow_stream_context*>(
      framer->extension(framer, FLOW_EXTENSION_STREAM_CONTEXT));
}

std::string Framing::context() const {
  if (context_ == nullptr) return {};
  const void* bytes = nullptr;
  const std::int64_t length = context_->get(framer_, &bytes);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}

void Framing::add(std::string_view piece, std::int64_t position, std::vector<Run>& runs) {
  while (!piece.empty()) {
    std::string before_run = context();
    if (held_.empty()) {
      const auto whole = static_cast<std::size_t>(frame(piece, false));
      if (whole > 0) {
        runs.push_back({piece.substr(0, whole), {}, position, std::move(before_run)});
      }
      held_.assign(piece.substr(whole));
      held_position_ = position + static_cast<std::int64_t>(whole);
      break;
    }
    const std::size_t before = held_.size();
    std::size_t joined = 0;
    std::size_t whole = 0;
    for (std::size_t next = kFirstJoin; whole == 0 && joined < piece.size(); next *= 4) {
      const std::size_t end = std::min(next, piece.size());
      held_.append(piece.substr(joined, end - joined));
      joined = end;
      whole = static_cast<std::size_t>(frame(held_, false));
    }
    if (whole == 0) break;  // all of the piece is held back now
    runs.push_back({{}, held_.substr(0, whole), held_position_, std::move(before_run)});
    if (whole >= before) {
      // What was joined behind the record comes again, as part of the piece.
      const std::size_t used = whole - before;
      piece.remove_prefix(used);
      position += static_cast<std::int64_t>(used);
      held_.clear();
    } else {
      piece.remove_prefix(joined);
      position += static_cast<std::int64_t>(joined);
      held_.erase(0, whole);
      held_position_ += static_cast<std::int64_t>(whole);
    }
  }
  charge();
}

void Framing::resume(const SavedPartition::Stream& saved) {
  held_ = saved.held;
  held_position_ = saved.held_position;
  if (context_ != nullptr && !saved.context.empty()) {
    context_->set(framer_, saved.context.data(), static_cast<std::int64_t>(saved.context.size()));
  }
  charge();
}

void Framing::finish(std::vector<Run>& runs) {
  while (!held_.empty()) {
    std::string before_run = context();
    const auto whole = static_cast<std::size_t>(frame(held_, true));
    if (whole == 0) break;
    runs.push_back({{}, held_.substr(0, whole), held_position_, std::move(before_run)});
    held_.erase(0, whole);
    held_position_ += static_cast<std::int64_t>(whole);
  }
  held_.clear();
  held_.shrink_to_fit();
  charge();
}

void Framing::charge() {
  // The room of a long line is not kept for the short ones that follow.
  if (held_.capacity() > kKept && held_.size() < held_.capacity() / 4) held_.shrink_to_fit();
  static const std::size_t kInline = std::string().capacity();
  const auto now = static_cast<std::int64_t>(held_.capacity() > kInline ? held_.capacity() : 0);
  if (now > charged_) account_.charge(now - charged_);
  if (now < charged_) account_.release(charged_ - now);
  charged_ = now;
}

}  // namespace flowrun
