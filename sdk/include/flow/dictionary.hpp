// Dictionaries shared by the instances of a component, and columns of codes into them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "flow/builder.hpp"

namespace flow {

// A growing set of texts with a code each, for enrichers whose values repeat (country, browser).
// [any]. Entries are never removed; at kMaximum it is full. What it has published stays as it was:
// growth writes behind the published prefix, or moves to a larger buffer.
class SharedDictionary {
 public:
  static constexpr int32_t kMaximum = 65536;
  static constexpr int32_t kNone = -1;

  // The code of `text`, new or known; kNone once the dictionary is full and does not know it. Takes
  // a lock: keep the codes of what repeats.
  int32_t intern(Host host, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (const auto known = codes_.find(text); known != codes_.end()) {
      return known->second;
    }
    if (size_ == kMaximum) {
      return kNone;
    }
    append(host, text);
    return size_ - 1;
  }

  // A column of every text interned so far: the dictionary of a batch whose codes are all from
  // before this call. Cheap.
  Column published(Host host) {
    const std::lock_guard lock(mutex_);
    if (!published_ || published_.rows() != size_) {
      if (!views_) grow(host);
      flow_column_parts parts = detail::parts_of(FLOW_TEXT, size_);
      parts.values = views_.get();
      std::vector<flow_buffer*> data;
      for (const Buffer& buffer : buffers_) data.push_back(buffer.get());
      parts.data = data.data();
      parts.n_data = static_cast<int64_t>(data.size());
      published_ = host.column(parts);
    }
    return published_;
  }

 private:
  static constexpr int64_t kFirstEntries = 256;
  static constexpr int64_t kTextBytes = 16384;

  void grow(Host host) {
    const int64_t capacity = views_ ? capacity_ * 4 : kFirstEntries;
    Buffer larger = host.allocate(capacity * static_cast<int64_t>(sizeof(flow_view)));
    if (views_) {
      std::memcpy(larger->data, views_->data, static_cast<size_t>(size_) * sizeof(flow_view));
    }
    views_ = std::move(larger);
    capacity_ = capacity;
  }

  void append(Host host, std::string_view text) {
    if (size_ == capacity_) grow(host);
    const auto bytes = static_cast<int64_t>(text.size());
    if (bytes > FLOW_VIEW_INLINE &&
        (buffers_.empty() || used_ + bytes > buffers_.back()->capacity)) {
      buffers_.push_back(host.allocate(bytes > kTextBytes ? bytes : kTextBytes));
      used_ = 0;
    }
    auto& view = static_cast<flow_view*>(views_->data)[size_];
    if (bytes > FLOW_VIEW_INLINE) {
      char* to = static_cast<char*>(buffers_.back()->data) + used_;
      std::memcpy(to, text.data(), text.size());
      view = TextBuilder::view({to, text.size()}, static_cast<int32_t>(buffers_.size()) - 1,
                               static_cast<int32_t>(used_));
      used_ += bytes;
    } else {
      view = TextBuilder::view(text, 0, 0);
    }
    codes_.emplace(std::string(text), size_);
    ++size_;
  }

  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::mutex mutex_;
  std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>> codes_;
  Buffer views_;
  int64_t capacity_ = 0;
  int32_t size_ = 0;
  std::vector<Buffer> buffers_;
  int64_t used_ = 0;
  Column published_;
};

// A column over a SharedDictionary: codes as long as every text has one, plain text from the first
// that has none.
class DictionaryBuilder {
 public:
  DictionaryBuilder(Host host, int64_t rows, SharedDictionary& dictionary)
      : host_(host), rows_(rows), dictionary_(dictionary), codes_(host, rows, Column()) {}

  // `code` as interned for `text`; `text` is read only if the column cannot be one of codes.
  void append(int32_t code, std::string_view text) {
    if (texts_ == nullptr && code != SharedDictionary::kNone) {
      codes_.append(code);
      return;
    }
    if (texts_ == nullptr) fall_back();
    texts_->append(text);
  }
  void append_null() {
    if (texts_ == nullptr) {
      codes_.append_null();
    } else {
      texts_->append_null();
    }
  }

  TypedColumn finish() {
    if (texts_ != nullptr) {
      return {texts_->finish(), Type::text()};
    }
    codes_.set_dictionary(dictionary_.published(host_));
    return {codes_.finish(), Type::category()};
  }

 private:
  void fall_back() {
    texts_ = std::make_unique<TextBuilder>(host_, rows_);
    const Column published = dictionary_.published(host_);
    const TextView known(*published);
    for (int64_t row = 0; row < codes_.size(); ++row) {
      if (codes_.is_null(row)) {
        texts_->append_null();
      } else {
        texts_->append(known[codes_.code(row)]);
      }
    }
  }

  Host host_;
  int64_t rows_;
  SharedDictionary& dictionary_;
  CategoryBuilder codes_;
  std::unique_ptr<TextBuilder> texts_;
};

}  // namespace flow
