// A smart pointer for the reference-counted objects of the ABI.
#pragma once

#include <utility>

#include "flow/abi.h"

namespace flow {

// Holds one reference to a flow_buffer, flow_column, flow_schema or flow_batch. Copying costs an
// atomic increment. Not thread-safe itself; the object it points to is.
template <class T>
class Reference {
 public:
  Reference() = default;
  // Takes over the caller's reference, as host functions return it.
  static Reference adopt(T* object) {
    Reference result;
    result.object_ = object;
    return result;
  }
  // Adds a reference of its own to a borrowed object.
  static Reference share(T* object) {
    if (object != nullptr) object->object.retain(&object->object);
    return adopt(object);
  }

  Reference(const Reference& other) : Reference(share(other.object_)) {}
  Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Reference& operator=(Reference other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() {
    if (object_ != nullptr) object_->object.release(&object_->object);
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  // Gives the reference away.
  T* detach() { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

}  // namespace flow
