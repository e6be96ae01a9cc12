// From classes to the C ABI: FLOW_PLUGIN exports a library's operators.
#pragma once

#include <array>
#include <exception>
#include <memory>
#include <type_traits>

#include "flow/inference.hpp"
#include "flow/operator.hpp"

namespace flow::detail {

// Runs `body`, turning exceptions into a status; nothing thrown leaves it.
template <class Body>
flow_status guarded(const flow_host* host, Body body) noexcept {
  try {
    return static_cast<flow_status>(body());
  } catch (const Retry& trouble) {
    host->error(host, trouble.what());
    return FLOW_RETRY;
  } catch (const OptionFailure& trouble) {
    tell(host, trouble);
  } catch (const std::exception& trouble) {
    host->error(host, trouble.what());
  } catch (...) {
    host->error(host, "an exception that is no std::exception");
  }
  return FLOW_FAILED;
}

template <class T, class = void>
struct SharedOf {
  struct Type {
    template <class Options>
    Type(const Options&, Host) {}
  };
};
template <class T>
struct SharedOf<T, std::void_t<typename T::Shared>> {
  using Type = typename T::Shared;
};

// Whether T infers schemas, and with what.
template <class T>
constexpr bool kInfersWithShared =
    requires(const typename T::Options& options, typename SharedOf<T>::Type& shared,
             Inference& inference) { T::infer(options, shared, inference); };
template <class T>
constexpr bool kInfersAlone = requires(const typename T::Options& options, Inference& inference) {
                                T::infer(options, inference);
                              };

template <class T>
const Description<typename T::Options>& description() {
  static auto* made = [] {
    auto* description = new Description<typename T::Options>;
    T::describe(*description);
    return description;
  }();
  return *made;
}

template <class T>
const flow_descriptor* descriptor() {
  static const flow_descriptor* made =
      const_cast<Description<typename T::Options>&>(description<T>()).finish(T::kKind);
  return made;
}

template <class T>
class Instance {
 public:
  using Options = typename T::Options;
  using Shared = typename SharedOf<T>::Type;

  Instance(const Options& options, Shared& shared, const flow_host* host, flow_role role)
      : out_(host), operator_(make(options, shared)) {
    abi_.size = sizeof abi_;
    abi_.self = this;
    abi_.open = [](flow_operator* op, const flow_schema* const*, uint32_t) {
      return guarded(host_of(op), [&] {
        self(op).operator_->open(self(op).out_);
        return Status::kDone;
      });
    };
    abi_.process = [](flow_operator* op, uint32_t input, const flow_batch* batch) {
      return guarded(host_of(op), [&] {
        const Batch in(Reference<const flow_batch>::share(batch));
        return self(op).operator_->consume(input, in, self(op).out_);
      });
    };
    abi_.timer = [](flow_operator* op, flow_time kind, int64_t nanoseconds,
                    const flow_key* const* keys, uint32_t n_keys) {
      return guarded(host_of(op), [&] {
        return self(op).operator_->timer(kind, nanoseconds, {keys, n_keys}, self(op).out_);
      });
    };
    abi_.advance = [](flow_operator* op, int64_t watermark) {
      return guarded(host_of(op),
                     [&] { return self(op).operator_->advance(watermark, self(op).out_); });
    };
    abi_.snapshot = [](flow_operator* op, flow_buffer** state, int64_t* length) {
      return guarded(host_of(op),
                     [&] { return hand_over(op, self(op).operator_->snapshot(), state, length); });
    };
    abi_.restore = [](flow_operator* op, uint32_t version, const void* state, int64_t length) {
      return guarded(host_of(op), [&] {
        self(op).operator_->restore(version, text(state, length));
        return Status::kDone;
      });
    };
    abi_.close = [](flow_operator* op, int32_t drained) {
      return guarded(host_of(op), [&] {
        self(op).operator_->close(drained != 0, self(op).out_);
        return Status::kDone;
      });
    };
    abi_.destroy = [](flow_operator* op) { delete &self(op); };
    abi_.extension = [](flow_operator* op, const char* id) -> const void* {
      return self(op).operator_->extension(id);
    };
    if constexpr (std::is_base_of_v<Source, T>) add_source();
    if constexpr (std::is_base_of_v<Sink, T>) add_sink();
    if constexpr (std::is_base_of_v<Codec, T>) {
      operator_->set_role(role);
      abi_.frame = [](flow_operator* op, const void* bytes, int64_t length, int32_t final) {
        int64_t whole = 0;
        guarded(host_of(op), [&] {
          whole = self(op).operator_->frame(text(bytes, length), final != 0);
          return Status::kDone;
        });
        return final != 0 ? length : whole;
      };
    } else {
      (void)role;
    }
  }

  flow_operator* abi() { return &abi_; }

 private:
  static Instance& self(flow_operator* op) { return *static_cast<Instance*>(op->self); }
  static const flow_host* host_of(flow_operator* op) { return self(op).out_.get(); }
  static std::string_view text(const void* bytes, int64_t length) {
    return {static_cast<const char*>(bytes), static_cast<size_t>(length)};
  }
  static Status hand_over(flow_operator* op, const std::string& bytes, flow_buffer** buffer,
                          int64_t* length) {
    Buffer result = self(op).out_.allocate(static_cast<int64_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(result->data));
    *length = static_cast<int64_t>(bytes.size());
    *buffer = result.detach();
    return Status::kDone;
  }
  static std::unique_ptr<T> make(const Options& options, Shared& shared) {
    if constexpr (std::is_constructible_v<T, const Options&, Shared&>) {
      return std::make_unique<T>(options, shared);
    } else if constexpr (std::is_constructible_v<T, const Options&>) {
      return std::make_unique<T>(options);
    } else {
      return std::make_unique<T>();
    }
  }

  void add_source() {
    abi_.process = nullptr;
    abi_.poll = [](flow_operator* op) {
      return guarded(host_of(op), [&] {
        SourceOutput out(self(op).out_);
        return self(op).operator_->poll(out);
      });
    };
    abi_.assign = [](flow_operator* op, const char* partition, const void* position,
                     uint32_t length) {
      return guarded(host_of(op), [&] {
        std::optional<std::string_view> from;
        if (position != nullptr) from = text(position, length);
        self(op).operator_->assign(partition, from);
        return Status::kDone;
      });
    };
    abi_.revoke = [](flow_operator* op, const char* partition) {
      return guarded(host_of(op), [&] {
        self(op).operator_->revoke(partition);
        return Status::kDone;
      });
    };
    abi_.wake = [](flow_operator* op) { self(op).operator_->wake(); };
    abi_.acknowledge = [](flow_operator* op, const char* partition, const void* position,
                          uint32_t length) {
      return guarded(host_of(op), [&] {
        self(op).operator_->acknowledge(partition, text(position, length));
        return Status::kDone;
      });
    };
  }

  void add_sink() {
    abi_.prepare = [](flow_operator* op, uint64_t checkpoint, flow_buffer** handle,
                      int64_t* length) {
      return guarded(host_of(op), [&] {
        return hand_over(op, self(op).operator_->prepare(checkpoint), handle, length);
      });
    };
    abi_.commit = [](flow_operator* op, const void* handle, int64_t length) {
      return guarded(host_of(op), [&] {
        self(op).operator_->commit(text(handle, length));
        return Status::kDone;
      });
    };
    abi_.abort = [](flow_operator* op, const void* handle, int64_t length) {
      return guarded(host_of(op), [&] {
        self(op).operator_->abort(text(handle, length));
        return Status::kDone;
      });
    };
  }

  flow_operator abi_{};
  Output out_;
  std::unique_ptr<T> operator_;
};

template <class T>
class Component {
 public:
  using Options = typename T::Options;
  using Shared = typename SharedOf<T>::Type;

  Component(const flow_host* host, const flow_value* const* values)
      : options_(description<T>().read(values)), shared_(options_, Host(host)) {
    abi_.size = sizeof abi_;
    abi_.self = this;
    abi_.instance = [](flow_component* component, const flow_host* instance_host,
                       flow_role role) -> flow_operator* {
      auto& self = *static_cast<Component*>(component->self);
      flow_operator* made = nullptr;
      guarded(instance_host, [&] {
        made = (new Instance<T>(self.options_, self.shared_, instance_host, role))->abi();
        return Status::kDone;
      });
      return made;
    };
    abi_.destroy = [](flow_component* component) {
      delete static_cast<Component*>(component->self);
    };
    abi_.extension = [](flow_component*, const char* id) -> const void* {
      if constexpr (kInfersWithShared<T> || kInfersAlone<T>) {
        if (std::string_view(id) == FLOW_EXTENSION_SCHEMAS) return &kSchemas;
      }
      (void)id;
      return nullptr;
    };
  }
  flow_component* abi() { return &abi_; }

  // NULL after telling the host why.
  static flow_component* create(const flow_host* host, const flow_value* const* values) {
    flow_component* made = nullptr;
    guarded(host, [&] {
      made = (new Component(host, values))->abi();
      return Status::kDone;
    });
    return made;
  }

 private:
  static flow_status infer(flow_component* component, const flow_host* host, flow_role role,
                           const flow_inference* asked) {
    auto& self = *static_cast<Component*>(component->self);
    return guarded(host, [&] {
      Inference inference(host, role, asked);
      try {
        if constexpr (kInfersWithShared<T>) {
          T::infer(self.options_, self.shared_, inference);
        } else if constexpr (kInfersAlone<T>) {
          T::infer(self.options_, inference);
        }
      } catch (const OptionFailure& failure) {
        inference.problem(failure);
      }
      return Status::kDone;
    });
  }
  static constexpr flow_schemas kSchemas{sizeof(flow_schemas), 0, infer};

  flow_component abi_{};
  Options options_;
  Shared shared_;
};

template <class... Operators>
flow_plugin make_plugin(const char* id, const char* version, const char* license) {
  static const std::array<const flow_descriptor*, sizeof...(Operators)> kDescriptors{
      descriptor<Operators>()...};
  flow_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.abi_major = FLOW_ABI_MAJOR;
  plugin.abi_minor = FLOW_ABI_MINOR;
  plugin.n_operators = sizeof...(Operators);
  plugin.id = id;
  plugin.version = version;
  plugin.license = license;
  plugin.operators = kDescriptors.data();
  plugin.create = [](const flow_host* host, const flow_descriptor* wanted,
                     const flow_value* const* values) -> flow_component* {
    flow_component* made = nullptr;
    // The descriptor is one of ours, by address.
    (void)((wanted == descriptor<Operators>() &&
            ((made = Component<Operators>::create(host, values)), true)) ||
           ...);
    return made;
  };
  return plugin;
}

}  // namespace flow::detail

// Once in a library, at namespace scope, no semicolon: FLOW_PLUGIN("com.acme.filters", "1.0.0",
// Threshold, Another). The licence is an SPDX name, eg "Apache-2.0".
#define FLOW_PLUGIN_LICENSED(id, version, license, ...)       \
  extern "C" FLOW_EXPORT const flow_plugin flow_plugin_entry; \
  const flow_plugin flow_plugin_entry =                       \
      flow::detail::make_plugin<__VA_ARGS__>(id, version, license);
#define FLOW_PLUGIN(id, version, ...) FLOW_PLUGIN_LICENSED(id, version, "unspecified", __VA_ARGS__)
