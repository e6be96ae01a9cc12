#include "operators/sinks/sqlite_batch.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "flow/host.hpp"

namespace flow::operators {

SqliteBatch::SqliteBatch(Batch batch, std::shared_ptr<const SqliteLayout> layout,
                         bool times_as_text)
    : batch_(std::move(batch)), layout_(std::move(layout)) {
  values_.reserve(batch_.column_count());
  for (uint32_t i = 0; i < batch_.column_count(); ++i) {
    values_.emplace_back(*batch_.schema().fields[i], batch_.column(i), times_as_text);
  }
}

void SqliteBatch::bind(SqliteStatement& statement, int first, int64_t row) {
  statement.clear();
  for (size_t i = 0; i < layout_->columns.size(); ++i) {
    const int32_t column = layout_->columns[i];
    if (column < 0) continue;
    values_[static_cast<size_t>(column)].bind(statement, first + static_cast<int>(i), row);
  }
}

void SqliteBatch::bind_key(SqliteStatement& statement, int64_t row) {
  statement.clear();
  int parameter = 0;
  for (const uint32_t column : layout_->key) values_[column].bind(statement, ++parameter, row);
}

void SqliteBatch::append_key(int64_t row, std::string& out) const {
  for (const uint32_t column : layout_->key) values_[column].append_key(row, out);
}

std::string SqliteBatch::key_digest(int64_t row) const {
  std::string key = "[";
  for (const uint32_t column : layout_->key) {
    if (key.size() > 1) key += ',';
    values_[column].append_json(row, key);
  }
  key += ']';
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(key.data(), key.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw Failure("sqlite: SHA-256 is not available");
  }
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

int64_t SqliteBatch::bytes() const {
  int64_t bytes = 0;
  for (const SqliteValues& values : values_) bytes += values.bytes();
  return bytes;
}

void SqliteKeyOrder::add(const SqliteBatch& batch, uint32_t number, int32_t row) {
  const size_t begin = keys_.size();
  batch.append_key(row, keys_);
  std::array<char, 8> head{};
  std::memcpy(head.data(), keys_.data() + begin, std::min<size_t>(8, keys_.size() - begin));
  uint64_t prefix = 0;
  for (const char c : head) prefix = prefix << 8 | static_cast<unsigned char>(c);
  rows_.push_back({prefix, begin, static_cast<uint32_t>(keys_.size() - begin), number, row});
}

const std::vector<SqliteKeyOrder::Row>& SqliteKeyOrder::sort() {
  std::sort(rows_.begin(), rows_.end(), [this](const Row& one, const Row& other) {
    if (one.prefix != other.prefix) return one.prefix < other.prefix;
    if (const int order = key(one).compare(key(other)); order != 0) return order < 0;
    return one.begin < other.begin;  // as they were added
  });
  size_t kept = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i + 1 < rows_.size() && rows_[i].prefix == rows_[i + 1].prefix &&
        key(rows_[i]) == key(rows_[i + 1])) {
      continue;
    }
    rows_[kept++] = rows_[i];
  }
  rows_.resize(kept);
  return rows_;
}

}  // namespace flow::operators
