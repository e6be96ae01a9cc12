#include "core/graph/saved_state.hpp"

#include <algorithm>
#include <utility>

#include "core/config/names.hpp"
#include "core/graph/saved_bytes.hpp"

namespace flowrun {
namespace {

constexpr std::uint64_t kEnded = 1;
constexpr std::uint64_t kHasStream = 2;

void put(SavedWriter& out, const FlowCounts& counts) {
  out.number(counts.rows);
  out.number(counts.batches);
  out.number(counts.bytes);
}

FlowCounts flow_counts(SavedReader& in) {
  FlowCounts counts;
  counts.rows = in.number();
  counts.batches = in.number();
  counts.bytes = in.number();
  return counts;
}

void put(SavedWriter& out, const ReasonCounts& reasons) {
  out.number(reasons.entries().size());
  for (const auto& [reason, rows] : reasons.entries()) {
    out.text(*reason);
    out.number(rows);
  }
}

void read(SavedReader& in, ReasonCounts& reasons) {
  for (std::uint64_t left = in.number(); left > 0; --left) {
    const std::string reason = in.text();
    reasons.add(reason, in.number());
  }
}

std::string counted(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::vector<std::string> key_fields_of(const BoundComponent& component) {
  std::vector<std::string> fields;
  const flow_descriptor& descriptor = component.descriptor();
  if ((descriptor.traits & FLOW_KEYED) == 0) return fields;
  for (std::uint32_t i = 0; i < descriptor.n_inputs; ++i) {
    const char* option = descriptor.inputs[i]->key_option;
    const flow_value* value = option != nullptr ? component.options.find(option) : nullptr;
    if (value == nullptr) continue;
    if (value->type == FLOW_OPTION_TEXT) fields.emplace_back(value->text);
    for (std::uint64_t item = 0; item < value->n_items; ++item) {
      fields.emplace_back(value->items[item]->text);
    }
  }
  return fields;
}

std::string changed(const char* what, const std::string& before, const std::string& now) {
  return std::string("its ") + what + " was " + quote(before) + " and is " + quote(now) + " now";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : ", ").append(text);
  return all;
}

}  // namespace

std::string SavedSource::encode() const {
  SavedWriter out;
  out.number(journal);
  out.number(partitions.size());
  for (const auto& [name, partition] : partitions) {
    out.text(name);
    out.text(partition.position);
    out.number((partition.ended ? kEnded : 0) | (partition.stream ? kHasStream : 0));
    if (!partition.stream) continue;
    out.text(partition.stream->held);
    out.number(static_cast<std::uint64_t>(partition.stream->held_position));
    out.text(partition.stream->context);
  }
  return out.take();
}

SavedSource SavedSource::decode(std::string_view bytes) {
  SavedReader in(bytes);
  SavedSource source;
  source.journal = in.number();
  for (std::uint64_t left = in.number(); left > 0; --left) {
    SavedPartition& partition = source.partitions[in.text()];
    partition.position = in.text();
    const std::uint64_t flags = in.number();
    partition.ended = (flags & kEnded) != 0;
    if ((flags & kHasStream) == 0) continue;
    SavedPartition::Stream& stream = partition.stream.emplace();
    stream.held = in.text();
    stream.held_position = static_cast<std::int64_t>(in.number());
    stream.context = in.text();
  }
  return source;
}

std::string SavedOperator::encode() const {
  SavedWriter out;
  out.number(version);
  out.number(states.size());
  for (const std::string& state : states) out.text(state);
  return out.take();
}

SavedOperator SavedOperator::decode(std::string_view bytes) {
  SavedReader in(bytes);
  SavedOperator saved;
  saved.version = static_cast<std::uint32_t>(in.number());
  for (std::uint64_t left = in.number(); left > 0; --left) saved.states.push_back(in.text());
  return saved;
}

std::string encode_totals(const LedgerDelta& totals, const std::vector<std::string>& ports) {
  SavedWriter out;
  const RowCounts& rows = totals.rows;
  for (const std::uint64_t count :
       {rows.in, rows.passed, rows.created, rows.absorbed, rows.failed, rows.late, rows.dropped}) {
    out.number(count);
  }
  put(out, totals.input);
  const std::size_t known = std::min(ports.size(), totals.ports.size());
  out.number(known);
  for (std::size_t port = 0; port < known; ++port) {
    out.text(ports[port]);
    put(out, totals.ports[port]);
  }
  put(out, totals.errors);
  put(out, totals.drops);
  return out.take();
}

LedgerDelta decode_totals(std::string_view bytes, const std::vector<std::string>& ports) {
  SavedReader in(bytes);
  LedgerDelta totals;
  RowCounts& rows = totals.rows;
  for (std::uint64_t* count : {&rows.in, &rows.passed, &rows.created, &rows.absorbed, &rows.failed,
                               &rows.late, &rows.dropped}) {
    *count = in.number();
  }
  totals.input = flow_counts(in);
  totals.ports.resize(ports.size());
  for (std::uint64_t left = in.number(); left > 0; --left) {
    const auto port = std::find(ports.begin(), ports.end(), in.text());
    const FlowCounts counts = flow_counts(in);
    if (port != ports.end()) totals.ports[static_cast<std::size_t>(port - ports.begin())] = counts;
  }
  read(in, totals.errors);
  read(in, totals.drops);
  return totals;
}

std::string encode_components(const std::vector<SavedComponent>& components) {
  SavedWriter out;
  out.number(components.size());
  for (const SavedComponent& component : components) {
    out.text(component.id);
    out.text(component.kind);
    out.text(component.type);
    out.number(component.version);
    out.number(component.keys.size());
    for (const std::string& key : component.keys) out.text(key);
    out.text(component.holds);
  }
  return out.take();
}

std::vector<SavedComponent> decode_components(std::string_view bytes) {
  SavedReader in(bytes);
  std::vector<SavedComponent> components;
  for (std::uint64_t left = in.number(); left > 0; --left) {
    SavedComponent& component = components.emplace_back();
    component.id = in.text();
    component.kind = in.text();
    component.type = in.text();
    component.version = static_cast<std::uint32_t>(in.number());
    for (std::uint64_t keys = in.number(); keys > 0; --keys) component.keys.push_back(in.text());
    component.holds = in.text();
  }
  return components;
}

std::vector<SavedComponent> components_of(const BoundPipeline& pipeline) {
  std::vector<SavedComponent> components;
  for (std::size_t i = 0; i < pipeline.components.size(); ++i) {
    const ComponentSpecification& specification = pipeline.specification.components[i];
    const BoundComponent& bound = pipeline.components[i];
    components.push_back({specification.id, std::string(kind_name(bound.descriptor().kind)),
                          specification.type.value, bound.descriptor().version,
                          key_fields_of(bound), ""});
  }
  return components;
}

const std::string* find_part(const Manifest& checkpoint, std::string_view name,
                             std::string_view id) {
  const auto found = checkpoint.parts.find(std::string(name).append(id));
  return found != checkpoint.parts.end() ? &found->second : nullptr;
}

std::string held_by(const Manifest& checkpoint, const SavedComponent& component) {
  if (const std::string* part = find_part(checkpoint, kSourcePart, component.id)) {
    const SavedSource source = SavedSource::decode(*part);
    if (source.partitions.empty()) return "";
    return source.partitions.size() == 1
               ? "the position of 1 partition"
               : "the positions of " + counted(source.partitions.size(), "partition");
  }
  if (const auto tables = checkpoint.components.find(component.id);
      tables != checkpoint.components.end()) {
    std::size_t pages = 0;
    for (const auto& [name, table] : tables->second) {
      for (const Manifest::Area& area : table.areas) pages += area.pages.size();
    }
    if (pages > 0) {
      return "keyed state of " + std::to_string(pages * (FLOW_PAGE_BYTES / 1024)) + " KiB";
    }
  }
  if (const std::string* part = find_part(checkpoint, kSerialPart, component.id)) {
    std::size_t bytes = 0;
    for (const std::string& state : SavedOperator::decode(*part).states) bytes += state.size();
    if (bytes > 0) return "state of " + counted(bytes, "byte");
  }
  if (const std::string* part = find_part(checkpoint, kSinkPart, component.id)) {
    for (const std::string& handle : SavedOperator::decode(*part).states) {
      if (!handle.empty()) return "where its output stood";
    }
  }
  const std::string timing = kTimingPart + component.id + '/';
  const auto first = checkpoint.parts.lower_bound(timing);
  if (first != checkpoint.parts.end() && first->first.compare(0, timing.size(), timing) == 0) {
    return "timers";
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> rename_state(
    Manifest& checkpoint, const PipelineSpecification& pipeline) {
  std::vector<std::pair<std::string, std::string>> renamed;
  const auto part = checkpoint.parts.find(kPipelinePart);
  if (part == checkpoint.parts.end()) return renamed;
  std::vector<SavedComponent> components = decode_components(part->second);
  const auto find = [&](const std::string& id) {
    return std::find_if(components.begin(), components.end(),
                        [&](const SavedComponent& component) { return component.id == id; });
  };
  for (const ComponentSpecification& component : pipeline.components) {
    if (!component.renamed_from) continue;
    const std::string& old = component.renamed_from->value;
    const auto saved = find(old);
    if (saved == components.end() || find(component.id) != components.end()) continue;
    saved->id = component.id;
    for (const char* kind : {kLedgerPart, kSourcePart, kSerialPart, kSinkPart}) {
      auto node = checkpoint.parts.extract(std::string(kind).append(old));
      if (node.empty()) continue;
      node.key() = std::string(kind).append(component.id);
      checkpoint.parts.insert(std::move(node));
    }
    const std::string timing = std::string(kTimingPart).append(old).append("/");
    for (auto at = checkpoint.parts.lower_bound(timing);
         at != checkpoint.parts.end() && at->first.starts_with(timing);) {
      auto node = checkpoint.parts.extract(at++);
      node.key() = std::string(kTimingPart)
                       .append(component.id)
                       .append("/")
                       .append(node.key().substr(timing.size()));
      checkpoint.parts.insert(std::move(node));
    }
    if (auto tables = checkpoint.components.extract(old); !tables.empty()) {
      tables.key() = component.id;
      checkpoint.components.insert(std::move(tables));
    }
    renamed.emplace_back(component.id, old);
  }
  if (!renamed.empty()) part->second = encode_components(components);
  return renamed;
}

std::vector<StateChange> compare_state(const Manifest& checkpoint, const BoundPipeline& pipeline) {
  using Fate = StateChange::Fate;
  std::vector<StateChange> changes;
  const std::vector<SavedComponent> now = components_of(pipeline);
  const auto find = [](const std::vector<SavedComponent>& all, const std::string& id) {
    return std::find_if(all.begin(), all.end(),
                        [&](const SavedComponent& component) { return component.id == id; });
  };
  const auto part = checkpoint.parts.find(kPipelinePart);
  const std::vector<SavedComponent> before = part != checkpoint.parts.end()
                                                 ? decode_components(part->second)
                                                 : std::vector<SavedComponent>();
  for (const SavedComponent& saved : before) {
    StateChange change;
    change.id = saved.id;
    change.what = held_by(checkpoint, saved);
    if (change.what.empty()) continue;
    const auto same = find(now, saved.id);
    const bool same_type = same != now.end() && same->type == saved.type;
    // What a sink wrote is whole, and nobody goes on with it.
    if (saved.kind == "sink" && !same_type && checkpoint.parts.count(kCleanPart) != 0) continue;
    change.fate = Fate::kLost;
    if (same == now.end()) {
      change.why = "there is no component of this name any more";
    } else if (same->kind != saved.kind) {
      change.why = changed("kind", saved.kind, same->kind);
    } else if (same->type != saved.type) {
      change.why = changed("type", saved.type, same->type);
    } else if (same->keys != saved.keys) {
      change.why = changed("key", joined(saved.keys), joined(same->keys));
    } else if (same->version < saved.version) {
      change.why = "it was written by version " + std::to_string(saved.version) +
                   " of the operator, and this one has version " + std::to_string(same->version);
    } else if (same->version > saved.version) {
      change.fate = Fate::kMigrated;
      change.why = "from version " + std::to_string(saved.version) + " to version " +
                   std::to_string(same->version);
    } else {
      change.fate = Fate::kKept;
    }
    changes.push_back(std::move(change));
  }
  for (const SavedComponent& component : now) {
    if (find(before, component.id) != before.end()) continue;
    changes.push_back({Fate::kNew, component.id, component.kind, ""});
  }
  return changes;
}

std::string lost_state(const std::vector<StateChange>& changes) {
  std::string lost;
  for (const StateChange& change : changes) {
    if (change.fate != StateChange::Fate::kLost) continue;
    lost.append(lost.empty() ? "" : "\n");
    lost.append("  ").append(change.id).append(": ").append(change.what);
    lost.append(" (").append(change.why).append(")");
  }
  return lost;
}

}  // namespace flowrun
