// The small state of an operator as bytes: numbers and texts one behind the other.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "flow/host.hpp"

namespace flow::operators {

template <class T>
void save(std::string& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void save_text(std::string& bytes, std::string_view text) {
  save(bytes, static_cast<uint64_t>(text.size()));
  bytes += text;
}
template <class T>
void save_all(std::string& bytes, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  save(bytes, static_cast<uint64_t>(values.size()));
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// The same from the front. Throws Failure, naming the operator, where there are fewer bytes.
class SavedPieces {
 public:
  SavedPieces(std::string_view bytes, const char* whose) : bytes_(bytes), whose_(whose) {}

  bool empty() const { return bytes_.empty(); }
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string take_text() { return std::string(take_bytes(take<uint64_t>())); }
  template <class T>
  std::vector<T> take_all() {
    const auto n = take<uint64_t>();
    if (n > bytes_.size() / sizeof(T)) cut_off();
    std::vector<T> values(n);
    if (n > 0) std::memcpy(values.data(), take_bytes(n * sizeof(T)).data(), n * sizeof(T));
    return values;
  }
  std::string_view take_bytes(size_t length) {
    if (length > bytes_.size()) cut_off();
    const std::string_view piece = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return piece;
  }

 private:
  [[noreturn]] void cut_off() const {
    throw Failure(std::string(whose_) + ": its saved state is cut off");
  }
  std::string_view bytes_;
  const char* whose_;
};

}  // namespace flow::operators
