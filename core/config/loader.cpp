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

constexpr const char* kOperatorName = "the name of an operator, as `inspect` lists them";

struct Section {
  std::string_view name;
  flow_kind kind;
};

constexpr std::array<Section, 4> kSections = {{{"sources", FLOW_SOURCE},
                                               {"transforms", FLOW_TRANSFORM},
                                               {"windows", FLOW_WINDOW},
                                               {"sinks", FLOW_SINK}}};

struct Taken {
  std::string key_path;
  Place place;
};

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
    } else if (const auto [other, added] =
                   taken_.try_emplace(member.name, Taken{key_path_, member.place});
               !added) {
      found_.error(member.place, key_path_,
                   "the id " + quote(member.name) + " is taken by " + other->second.key_path +
                       " at " + other->second.place.to_string() + ": ids are unique in a pipeline");
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
      read_name(key.value, path, component.type, kOperatorName);
    } else if (key.name == "inputs") {
      read_inputs(component, key, path);
    } else if (key.name == "on_error") {
      component.on_error = read_on_error(key.value, key_path_, found_);
    } else if (key.name == "parallelism" && component.kind != FLOW_SOURCE) {
      component.parallelism = read_instances(key.value, key_path_, found_);
    } else if (key.name == "renamed_from") {
      component.renamed_from.emplace();
      read_name(key.value, path, *component.renamed_from,
                "the id that the component had when its state was kept");
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

  void read_name(const Value& value, const std::string& path, Placed<std::string>& type,
                 const char* what) {
    type.place = value.place;
    if (value.text() == nullptr || value.text()->empty()) {
      found_.error(value.place, path,
                   value.text() ? "must not be empty"
                                : "must be a text, and is " + std::string(value.type_name()),
                   what);
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
          read_name(key.value, join_key(path, "type"), codec.type, kOperatorName);
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
    read_name(value, path, codec.type, kOperatorName);
    return codec;
  }

  PipelineSpecification& specification_;
  Diagnostics& found_;
  std::map<std::string, Taken> taken_;  // by id: its first use
  std::string key_path_;                // of the component being read
};

// The settings of all documents. Those of a file that includes another go before the other's.
Value merged_settings(const PipelineDocuments& documents, const Place& place, Diagnostics& found) {
  Value::Table settings;
  std::map<std::string, std::size_t> given_by;
  std::optional<Value> whole;  // the last document's, which may be no table
  for (std::size_t i = 0; i < documents.all.size(); ++i) {
    const Value* pipeline = find(documents.all[i].tables, "pipeline");
    if (pipeline == nullptr) continue;
    whole = Value{pipeline->place, Value::Table()};
    if (pipeline->table() == nullptr) return *pipeline;
    for (const Member& setting : *pipeline->table()) {
      const auto [by, added] = given_by.try_emplace(setting.name, i);
      if (added) {
        settings.push_back(setting);
        continue;
      }
      Member& before = *std::find_if(settings.begin(), settings.end(), [&](const Member& other) {
        return other.name == setting.name;
      });
      if (documents.all[i].include.count(by->second) > 0) {
        before = setting;
        by->second = i;
      } else {
        found.error(setting.place, join_key("pipeline", setting.name),
                    "is set at " + before.place.to_string() +
                        " already, and neither file includes the other");
      }
    }
  }
  if (!whole) return {place, Value::Table()};
  return {whole->place, std::move(settings)};
}

}  // namespace

PipelineSpecification parse_pipeline(std::string_view text, const std::filesystem::path& file,
                                     Diagnostics& found, const LoadSettings& settings) {
  PipelineDocuments documents =
      read_documents(text, file, settings.read, settings.variables, found);
  const auto expand = [&](Member& member, const PipelineDocument& document,
                          const Parameters* parameters) {
    expand_variables(member.value, with_pipeline_dir(settings.variables, document.file),
                     join_key("", member.name), found, parameters);
  };
  for (PipelineDocument& document : documents.all) {
    for (Member& member : document.tables) {
      if (member.name == "parameters") expand(member, document, nullptr);
    }
  }
  const Parameters parameters(documents, settings.parameters, found);
  found.throw_if_errors();
  for (PipelineDocument& document : documents.all) {
    for (Member& member : document.tables) {
      if (member.name != "parameters") expand(member, document, &parameters);
    }
  }

  PipelineSpecification specification;
  specification.place.file = file.string();
  specification.content_hash = documents.content_hash;
  for (const ParameterSetting& setting : settings.parameters) {
    specification.content_hash =
        fnv1a(setting.name + '=' + setting.value + '\n', specification.content_hash);
  }
  const Value pipeline = merged_settings(documents, specification.place, found);
  read_pipeline_settings(&pipeline, file.stem().string(), specification, found);
  ComponentReader reader(specification, found);
  for (const PipelineDocument& document : documents.all) {
    const auto first = static_cast<std::ptrdiff_t>(specification.components.size());
    for (const Member& member : document.tables) {
      const auto section = std::find_if(kSections.begin(), kSections.end(),
                                        [&](const Section& s) { return s.name == member.name; });
      if (section != kSections.end()) {
        reader.read_section(*section, member);
      } else if (member.name != "pipeline" && member.name != "parameters") {
        const std::vector<std::string> known = {"include",    "parameters", "pipeline", "sources",
                                                "transforms", "windows",    "sinks"};
        std::string remedy = did_you_mean(member.name, known);
        if (remedy.empty()) remedy = "a file has " + enumerate(known);
        found.error(member.place, join_key("", member.name), "unknown table", std::move(remedy));
      }
    }
    std::stable_sort(specification.components.begin() + first, specification.components.end(),
                     [](const ComponentSpecification& a, const ComponentSpecification& b) {
                       return std::tie(a.place.line, a.place.column) <
                              std::tie(b.place.line, b.place.column);
                     });
  }
  parameters.warn_of_unused(found);
  check_graph(specification, found);
  return specification;
}

PipelineSpecification load_pipeline(const std::filesystem::path& file, Diagnostics& found,
                                    const LoadSettings& settings) {
  const FileText content = settings.read(file, kLargestPipelineFile);
  if (!content.problem.empty()) {
    const Place place{file.string(), 0, 0};
    throw ConfigurationError(Diagnostic{place, "", content.problem, ""});
  }
  return parse_pipeline(content.text, file, found, settings);
}

std::vector<std::string> common_keys(flow_kind kind) {
  switch (kind) {
    case FLOW_SOURCE:
      return {"type", "on_error", "renamed_from", "decoding"};
    case FLOW_SINK:
      return {"type", "inputs", "on_error", "parallelism", "renamed_from", "encoding"};
    case FLOW_CODEC:
      return {"type"};
    default:
      return {"type", "inputs", "on_error", "parallelism", "renamed_from"};
  }
}

}  // namespace flowrun
