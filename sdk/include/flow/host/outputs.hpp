// The outputs that a component has, where its operator leaves them to an option.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/abi.h"

namespace flow::host {

// An operator's descriptor with the outputs of one component: an output port with a key_option
// stands for one output an entry of that table, named like the entry, in their order. Everything
// else is the operator's own. Owns what it adds; stays where it is.
class ComponentDescriptor {
 public:
  // Whether the operator leaves outputs to an option.
  static bool is_needed(const flow_descriptor& descriptor) {
    for (uint32_t i = 0; i < descriptor.n_outputs; ++i) {
      if (descriptor.outputs[i]->key_option != nullptr) return true;
    }
    return false;
  }

  // `values`: one an option, as flow_plugin.create takes them.
  ComponentDescriptor(const flow_descriptor& descriptor, const flow_value* const* values)
      : descriptor_(descriptor) {
    for (uint32_t i = 0; i < descriptor.n_outputs; ++i) {
      const flow_port& port = *descriptor.outputs[i];
      if (port.key_option == nullptr) {
        add(port, port.name);
        continue;
      }
      const flow_value* table = nullptr;
      for (uint32_t option = 0; option < descriptor.n_options; ++option) {
        if (std::string_view(descriptor.options[option]->name) == port.key_option) {
          table = values[option];
        }
      }
      for (uint64_t entry = 0; table != nullptr && entry < table->n_items; ++entry) {
        if (table->names != nullptr) add(port, table->names[entry]);
      }
    }
    for (const auto& port : ports_) pointers_.push_back(&port->port);
    descriptor_.outputs = pointers_.data();
    descriptor_.n_outputs = static_cast<uint32_t>(pointers_.size());
  }
  ComponentDescriptor(const ComponentDescriptor&) = delete;
  ComponentDescriptor& operator=(const ComponentDescriptor&) = delete;

  const flow_descriptor& get() const { return descriptor_; }

 private:
  struct Port {
    std::string name;
    flow_port port;
  };
  void add(const flow_port& like, const char* name) {
    ports_.push_back(std::make_unique<Port>(Port{name, like}));
    flow_port& port = ports_.back()->port;
    port.size = sizeof port;
    port.name = ports_.back()->name.c_str();
    port.key_option = nullptr;
  }

  flow_descriptor descriptor_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<const flow_port*> pointers_;
};

}  // namespace flow::host
