#include "core/config/loader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "core/config/file_text.hpp"
#include "core/config/graph_check.hpp"
#include "core/config/names.hpp"
#include "core/config/pipeline_settings.hpp"
#include "core/config/toml_document.hpp"

namespace flowrun {
namespace {

struct Section {
  std::string_view name;
  flow_kind kind;
};

constexpr std::array<Section, 4> kSections = {{{"sources", FLOW_SOURCE},
                                               {"transforms", FLOW_TRANSFORM},
                                               {"windows", FLOW_WINDOW},
                                               {"sinks", FLOW_SINK}}};

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

class ComponentReader {
 public:
  ComponentReader(PipelineSpecification& specification, Diagnostics& found)
      : specification_(specification), found_(found) {}

  void read_section(const Section& section, const Member& member) {
    const Value::Table* components = member.value.table();
    if (components == nullptr) {
      found_.error(member.value.place, std::string(section.name),
                   "must be a table of components, and is " + std::string(member.value.type_name()),
                   "write [" + std::string(section.name) + ".NAME]");
      return;
    }
    for (const Member& component : *components) read_component(section, component);
  }

 private:
  void read_component(const Section& section, const Member& member) {
    ComponentSpecification component;
    component.kind = section.kind;
    component.id = member.name;
    component.place = member.place;
    key_path_ = join_key(section.name, member.name);
    if (!is_identifier(member.name)) {
      found_.error(member.place, key_path_, quote(member.name) + " is not a well-formed id",
                   "begin with a letter or '_', go on with letters, digits, '_' and '-'");
    } else if (const auto [other, added] = paths_.try_emplace(member.name, key_path_); !added) {
      found_.error(member.place, key_path_,
                   "the id " + quote(member.name) + " is taken by " + other->second +
                       " already: ids are unique in a file");
    }
    const Value::Table* table = member.value.table();
    if (table == nullptr) {
      found_.error(member.value.place, key_path_,
                   "must be a table, and is " + std::string(member.value.type_name()),
                   "write [" + key_path_ + "]");
      return;
    }
    for (const Member& key : *table) read_key(component, key);
    check_required(component, *table);
    specification_.components.push_back(std::move(component));
  }

  void read_key(ComponentSpecification& component, const Member& key) {
    const std::string path = join_key(key_path_, key.name);
    if (key.name == "type") {
      read_type(key.value, path, component.type);
    } else if (key.name == "inputs") {
      read_inputs(component, key, path);
    } else if (key.name == "on_error") {
      component.on_error = read_on_error(key.value, key_path_, found_);
    } else if (key.name == "encoding") {
      if (component.kind == FLOW_SINK) {
        component.encoding = read_codec(key.value, path);
      } else {
        found_.error(key.place, path, "only sinks take an encoding",
                     component.kind == FLOW_SOURCE ? did_you_mean("encoding", {"decoding"}) : "");
      }
    } else if (key.name == "decoding") {
      if (component.kind == FLOW_SOURCE) {
        component.decoding = read_codec(key.value, path);
      } else {
        found_.error(key.place, path, "only sources take a decoding",
                     component.kind == FLOW_SINK ? did_you_mean("decoding", {"encoding"}) : "");
      }
    } else {
      component.options.push_back(key);
    }
  }

  void read_type(const Value& value, const std::string& path, Placed<std::string>& type) {
    type.place = value.place;
    if (value.text() == nullptr || value.text()->empty()) {
      found_.error(value.place, path,
                   value.text() ? "must not be empty"
                                : "must be a text, and is " + std::string(value.type_name()),
                   "the name of an operator, as `inspect` lists them");
      return;
    }
    type.value = *value.text();
  }

  void check_required(const ComponentSpecification& component, const Value::Table& table) {
    std::vector<std::string> others;
    for (const Member& key : component.options) others.push_back(key.name);
    const auto missing = [&](const std::string& key, const std::string& example) {
      const std::optional<std::string> similar = nearest_name(key, others);
      found_.error(component.place, join_key(key_path_, key), "is missing",
                   similar ? quote(*similar) + " does not stand for it" : example);
    };
    if (find(table, "type") == nullptr) {
      missing("type", "the name of an operator, as `inspect` lists them");
    }
    if (component.kind != FLOW_SOURCE && find(table, "inputs") == nullptr) {
      missing("inputs", R"(write inputs = ["ID"] with the components to read from)");
    }
  }

  void read_inputs(ComponentSpecification& component, const Member& key, const std::string& path) {
    if (component.kind == FLOW_SOURCE) {
      found_.error(key.place, path, "a source has no inputs",
                   "to process what another component emits, make it a transform");
      return;
    }
    if (const Value::List* list = key.value.list()) {
      component.inputs.push_back({"", key.value.place, read_references(*list, key.value, path)});
    } else if (const Value::Table* ports = key.value.table()) {
      for (const Member& port : *ports) {
        const std::string port_path = join_key(path, port.name);
        if (const Value::List* references = port.value.list()) {
          component.inputs.push_back(
              {port.name, port.place, read_references(*references, port.value, port_path)});
        } else {
          not_a_list(port.value, port_path);
        }
      }
      if (ports->empty()) found_.error(key.value.place, path, "is empty");
    } else {
      not_a_list(key.value, path);
    }
  }

  void not_a_list(const Value& value, const std::string& path) {
    found_.error(value.place, path,
                 "must be a list of components, and is " + std::string(value.type_name()),
                 value.text() && is_identifier(*value.text()) ? "write [\"" + *value.text() + "\"]"
                                                              : "write [\"ID\"] or [\"ID.PORT\"]");
  }

  std::vector<InputReference> read_references(const Value::List& list, const Value& whole,
                                              const std::string& path) {
    std::vector<InputReference> references;
    if (list.empty()) {
      found_.error(whole.place, path, "is empty",
                   R"(write ["ID"] with the components to read from)");
    }
    for (const Value& element : list) {
      const std::string* text = element.text();
      if (text == nullptr) {
        found_.error(
            element.place, path,
            "must be a list of components, and has " + std::string(element.type_name()) + " in it",
            "write \"ID\" or \"ID.PORT\"");
        continue;
      }
      const std::size_t dot = text->find('.');
      InputReference reference{text->substr(0, dot),
                               dot == std::string::npos ? std::string() : text->substr(dot + 1),
                               element.place};
      const bool well_formed = is_identifier(reference.component) &&
                               (dot == std::string::npos || is_identifier(reference.port));
      const auto same = [&](const InputReference& other) {
        return other.component == reference.component && other.port == reference.port;
      };
      if (!well_formed) {
        found_.error(element.place, path, quote(*text) + " is not a reference to a component",
                     "write \"ID\" or \"ID.PORT\"");
      } else if (std::any_of(references.begin(), references.end(), same)) {
        found_.error(element.place, path, quote(*text) + " is listed twice",
                     "its rows would be processed twice");
      } else {
        references.push_back(std::move(reference));
      }
    }
    return references;
  }

  std::optional<CodecSpecification> read_codec(const Value& value, const std::string& path) {
    CodecSpecification codec;
    codec.place = value.place;
    if (const Value::Table* table = value.table()) {
      for (const Member& key : *table) {
        if (key.name == "type") {
          read_type(key.value, join_key(path, "type"), codec.type);
        } else {
          codec.options.push_back(key);
        }
      }
      if (find(*table, "type") == nullptr) {
        found_.error(value.place, join_key(path, "type"), "is missing",
                     R"(write for example { type = "json" })");
      }
      return codec;
    }
    if (value.text() == nullptr) {
      found_.error(
          value.place, path,
          "must be the name of a codec or a table, and is " + std::string(value.type_name()),
          R"(write "json" or { type = "json", ... })");
      return std::nullopt;
    }
    read_type(value, path, codec.type);
    return codec;
  }

  PipelineSpecification& specification_;
  Diagnostics& found_;
  std::map<std::string, std::string> paths_;  // id -> key path of its first use
  std::string key_path_;                      // of the component being read
};

}  // namespace

PipelineSpecification parse_pipeline(std::string_view text, const std::filesystem::path& file,
                                     Diagnostics& found, const LoadSettings& settings) {
  PipelineSpecification specification;
  specification.place.file = file.string();
  specification.content_hash = fnv1a(text);
  // Parsed first: gcc 12 destroys a brace-initialized aggregate twice if a member's value throws.
  Value::Table tables = parse_toml(text, file.string());
  Value document{{file.string(), 1, 1}, std::move(tables)};

  const VariableLookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name != "PIPELINE_DIR") return settings.variables(name);
    return std::filesystem::absolute(file).lexically_normal().parent_path().string();
  };
  expand_variables(document, lookup, "", found);

  read_pipeline_settings(find(*document.table(), "pipeline"), file.stem().string(), specification,
                         found);
  ComponentReader reader(specification, found);
  for (const Member& member : *document.table()) {
    const auto section = std::find_if(kSections.begin(), kSections.end(),
                                      [&](const Section& s) { return s.name == member.name; });
    if (section != kSections.end()) {
      reader.read_section(*section, member);
    } else if (member.name != "pipeline") {
      const std::vector<std::string> known = {"pipeline", "sources", "transforms", "windows",
                                              "sinks"};
      std::string remedy = did_you_mean(member.name, known);
      if (remedy.empty()) remedy = "a file has the tables " + enumerate(known);
      found.error(member.place, join_key("", member.name), "unknown table", std::move(remedy));
    }
  }
  std::stable_sort(specification.components.begin(), specification.components.end(),
                   [](const ComponentSpecification& a, const ComponentSpecification& b) {
                     return std::tie(a.place.line, a.place.column) <
                            std::tie(b.place.line, b.place.column);
                   });
  check_graph(specification, found);
  return specification;
}

PipelineSpecification load_pipeline(const std::filesystem::path& file, Diagnostics& found,
                                    const LoadSettings& settings) {
  const FileText content = read_file_text(file, kLargestPipelineFile);
  if (!content.problem.empty()) {
    const Place place{file.string(), 0, 0};
    throw ConfigurationError(Diagnostic{place, "", content.problem, ""});
  }
  return parse_pipeline(content.text, file, found, settings);
}

std::vector<std::string> common_keys(flow_kind kind) {
  switch (kind) {
    case FLOW_SOURCE:
      return {"type", "on_error", "decoding"};
    case FLOW_SINK:
      return {"type", "inputs", "on_error", "encoding"};
    case FLOW_CODEC:
      return {"type"};
    default:
      return {"type", "inputs", "on_error"};
  }
}

}  // namespace flowrun
