// What an engine keeps in checkpoints, and how it goes on from one.
#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "core/config/names.hpp"
#include "core/graph/engine.hpp"
#include "core/graph/saved_bytes.hpp"
#include "core/graph/saved_state.hpp"
#include "core/observe/log.hpp"

namespace flowrun {
namespace {

std::string time_text(std::int64_t nanoseconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(nanoseconds / 1'000'000'000)));
}

// What a source that cannot be read again has written down. Where it is gone, a run before moved
// it.
void move_journal(const std::filesystem::path& journals, const std::string& old,
                  const std::string& name) {
  if (!std::filesystem::exists(journals / old)) return;
  std::filesystem::remove_all(journals / name);  // of a component that is no more
  std::filesystem::rename(journals / old, journals / name);
}

}  // namespace

// Opens the folder of the checkpoints and reads the newest one that is whole.
void Pipeline::Engine::open_store() {
  if (settings_.checkpoint_folder.empty()) return;
  const std::string& folder = settings_.checkpoint_folder;
  store_ = std::make_unique<CheckpointStore>(
      folder, CheckpointStore::Options{.keep = settings_.checkpoints_kept});
  runtime.stores_checkpoints = true;
  begins_at_once_ = true;
  std::vector<DamagedCheckpoint> damaged;
  std::map<std::uint64_t, std::vector<std::pair<std::string, std::string>>> renamed;  // by id
  saved_ = store_->load(damaged, [&](Manifest& manifest) {
    renamed[manifest.id] = rename_state(manifest, bound_.specification);
  });
  for (const DamagedCheckpoint& each : damaged) {
    log::warning("A damaged checkpoint is skipped.",
                 {{"checkpoint", each.id}, {"file", each.file.string()}, {"reason", each.reason}});
  }
  if (settings_.fresh) {
    store_->start_over();
    if (saved_ || !damaged.empty()) {
      log::info("Starting over: the checkpoints that are there go with the first new one.",
                {{"folder", folder}});
    }
    saved_.reset();
    return;
  }
  if (!saved_) {
    if (damaged.empty()) return;
    throw std::runtime_error("no checkpoint in " + quote(folder) +
                             " can be read; restore the folder from a copy, or start over with "
                             "--fresh, which reads everything again");
  }
  const std::vector<StateChange> changes = compare_state(*saved_, bound_);
  const std::string lost = lost_state(changes);
  if (!lost.empty() && !settings_.allow_state_loss) {
    throw StateLossError("going on with this file would lose state:\n" + lost +
                         "\nchange the file back, or go on without it with --allow-state-loss, or "
                         "start over with --fresh");
  }
  for (const StateChange& change : changes) {
    if (change.fate == StateChange::Fate::kLost) lose(change.id, change.why);
  }
  begins_at_once_ = std::any_of(changes.begin(), changes.end(), [](const StateChange& change) {
    return change.fate != StateChange::Fate::kKept;
  });
  for (const auto& [name, old] : renamed[saved_->id]) {
    log::info("A component goes on with the state of its old name.",
              {{"component", name}, {"renamed_from", old}});
    move_journal(store_->folder() / "journal", old, name);
    begins_at_once_ = true;  // the next run may no longer say what the name was
  }
  log::info(
      "Going on where a checkpoint was taken: what it has is not read again; --fresh starts "
      "over.",
      {{"checkpoint", saved_->id}, {"taken", time_text(saved_->time)}, {"folder", folder}});
}

void Pipeline::Engine::lose(const std::string& component, const std::string& why) {
  if (!settings_.allow_state_loss) {
    throw StateLossError("the state of " + quote(component) + " cannot be used: " + why +
                         "\ngo on without it with --allow-state-loss, or start over with --fresh");
  }
  log::warning("A component goes on without its state.", {{"component", component}, {"why", why}});
  lost_.insert(component);
  begins_at_once_ = true;
}

void Pipeline::Engine::make_checkpoints() {
  const auto& checkpoint = bound_.specification.checkpoint;
  const std::int64_t interval = settings_.checkpoint_interval > 0 ? settings_.checkpoint_interval
                                : checkpoint                      ? checkpoint->interval.value
                                                                  : 0;
  runtime.checkpointing = interval > 0;
  runtime.newest_checkpoint = store_ != nullptr ? store_->next_id() - 1 : 0;
  std::size_t participants = participant_unit_.size();
  for (const PlanNode& node : plan_.nodes) {
    if (node.kind == NodeKind::kSource) ++participants;
  }
  Checkpoints::Actions actions;
  actions.begin = [this](std::uint64_t id) {
    if (store_ != nullptr) store_->begin(id, runtime.now());
    for (const auto& source : sources_) source->request_barrier(id);
  };
  if (store_ != nullptr) {
    actions.write = [this](const Checkpoints::Gathered& gathered) { write_checkpoint(gathered); };
    actions.abandon = [this](std::uint64_t) { store_->abandon(); };
  }
  actions.complete = [this](const Checkpoints::Gathered& gathered) {
    if (store_ == nullptr) {  // or what they counted for it has been written
      for (const SharedComponent& shared : shared_) {
        shared.runtime->ledger->totals_before(gathered.checkpoint);
      }
    }
    complete_checkpoint(gathered);
  };
  actions.changed = [this] { runtime.signal.notify(); };
  checkpoints = std::make_unique<Checkpoints>(std::chrono::nanoseconds(interval), participants,
                                              runtime.newest_checkpoint, std::move(actions),
                                              runtime.metrics.pipeline());
}

std::uint32_t Pipeline::Engine::instances_of(const Unit& unit) const {
  return static_cast<std::uint32_t>(units_of_node_[unit.plan_node].size());
}

// An operator looks at its tables as soon as it is opened.
void Pipeline::Engine::fill_state(const Unit& unit, ComponentRuntime& component) {
  if (!saved_ || lost_.count(component.id) != 0 || saved_->components.count(component.id) == 0) {
    return;
  }
  component.fill_state = [this, &unit, id = component.id](flow::host::StateStore& state) {
    store_->restore(*saved_, id, state, static_cast<std::uint32_t>(unit.instance),
                    instances_of(unit));
  };
}

void Pipeline::Engine::follow_checkpoints(Unit& unit, StepGroup& group) {
  if (!runtime.checkpointing) return;
  unit.only = &group;
  const std::size_t participant = unit.participant;
  const std::string& id = group.step(0).component().id;
  group.on_barrier([this, participant, &group, id](std::uint64_t checkpoint,
                                                   std::optional<Checkpoints::Answer> answer) {
    flow::host::StateStore& state = group.step(0).state();
    if (store_ != nullptr && answer && state.bytes() > 0) store_->freeze(checkpoint, id, state);
    checkpoints->answer(participant, checkpoint, std::move(answer));
  });
  group.on_end([this, participant](Checkpoints::Answer answer) {
    checkpoints->ended(participant, std::move(answer));
  });
}

// Everything but keyed tables, which operators have had since they were opened.
void Pipeline::Engine::restore() {
  if (!saved_) return;
  for (const SharedComponent& shared : shared_) {
    ComponentRuntime& component = *shared.runtime;
    const std::string* totals = find_part(*saved_, kLedgerPart, component.id);
    if (totals == nullptr) continue;
    const LedgerDelta before = decode_totals(*totals, component.ledger->info().ports);
    component.ledger->publish(before);
    if (component.bound->descriptor().kind != FLOW_SOURCE) continue;
    restored_rows_ +=
        before.rows.passed + before.rows.created + before.rows.failed + before.rows.dropped;
    for (const FlowCounts& port : before.ports) restored_bytes_ += port.bytes;
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const std::string* saved = find_part(*saved_, kSourcePart, source_ids_[i]);
    if (saved == nullptr || lost_.count(source_ids_[i]) != 0) continue;
    sources_[i]->restore(SavedSource::decode(*saved));
  }
  for (const std::size_t index : participant_unit_) {
    Unit& unit = units_[index];
    const ComponentRuntime& component =
        *shared_[plan_.nodes[unit.plan_node].steps.front().component].runtime;
    if (unit.only != nullptr && lost_.count(component.id) == 0) restore_unit(unit, component);
  }
}

void Pipeline::Engine::restore_unit(Unit& unit, const ComponentRuntime& component) {
  StepGroup& group = *unit.only;
  try {
    if (const std::string* part = find_part(*saved_, kSerialPart, component.id)) {
      const SavedOperator saved = SavedOperator::decode(*part);
      if (!saved.states.empty() && !saved.states.back().empty()) {
        group.restore(saved.version, saved.states.back());
      }
    }
    if (const std::string* part = find_part(*saved_, kSinkPart, component.id)) {
      const SavedOperator saved = SavedOperator::decode(*part);
      if (!saved.states.empty()) group.restore(saved.version, saved.states.back());
      const std::string problem = commit(group, saved.states);
      if (!problem.empty()) throw std::runtime_error(problem);
    }
  } catch (const std::runtime_error& refusal) {
    lose(component.id, refusal.what());
    return;
  }
  std::vector<std::string> timing;
  const std::string name = kTimingPart + component.id + '/';
  for (auto part = saved_->parts.lower_bound(name);
       part != saved_->parts.end() && part->first.compare(0, name.size(), name) == 0; ++part) {
    timing.push_back(part->second);
  }
  group.restore_timing(timing, unit.instance, instances_of(unit));
}

void Pipeline::Engine::write_checkpoint(const Checkpoints::Gathered& gathered) {
  const std::uint64_t id = gathered.checkpoint;
  if (gathered.last) store_->begin(id, runtime.now());
  for (std::size_t i = 0; i < participant_unit_.size(); ++i) {
    // Nobody works on these any more.
    if (!gathered.ended[i]) continue;
    OperatorInstance& instance = units_[participant_unit_[i]].only->step(0);
    if (instance.state().bytes() > 0) {
      store_->freeze(id, instance.component().id, instance.state());
    }
  }
  store_->finish(id, parts_of(gathered),
                 [this, id](const std::string& problem) { checkpoints->written(id, problem); });
}

std::map<std::string, std::string> Pipeline::Engine::parts_of(
    const Checkpoints::Gathered& gathered) {
  std::map<std::string, std::string> parts;
  parts[kPipelinePart] = encode_components(components_of(bound_));
  if (gathered.last) parts[kCleanPart] = runtime.stopping.load() ? "stopped" : "finished";
  for (const SharedComponent& shared : shared_) {
    ComponentLedger& ledger_of = *shared.runtime->ledger;
    parts[kLedgerPart + shared.runtime->id] =
        encode_totals(ledger_of.totals_before(gathered.last ? UINT64_MAX : gathered.checkpoint),
                      ledger_of.info().ports);
  }
  for (std::size_t i = 0; i < source_ids_.size(); ++i) {
    parts[kSourcePart + source_ids_[i]] = gathered.answers[participant_unit_.size() + i].state;
  }
  for (std::size_t i = 0; i < participant_unit_.size(); ++i) {
    const Unit& unit = units_[participant_unit_[i]];
    const ComponentRuntime& component = unit.only->step(0).component();
    const Checkpoints::Answer& answer = gathered.answers[i];
    const flow_descriptor& descriptor = component.bound->descriptor();
    if (descriptor.kind == FLOW_SINK) {
      std::vector<std::string> handles = gathered.handles[i];
      // Nothing new since the last one: where it goes on is what that one said.
      if (handles.empty() && answer.handle) handles.push_back(*answer.handle);
      parts[kSinkPart + component.id] = SavedOperator{descriptor.version, handles}.encode();
    } else if (!answer.state.empty()) {
      parts[kSerialPart + component.id] =
          SavedOperator{descriptor.version, {answer.state}}.encode();
    }
    if (!answer.timing.empty()) {
      parts[fmt::format("{}{}/{}", kTimingPart, component.id, unit.instance)] = answer.timing;
    }
  }
  return parts;
}

void Pipeline::Engine::complete_checkpoint(const Checkpoints::Gathered& gathered) {
  for (std::size_t i = 0; i < participant_unit_.size(); ++i) {
    ThreadNode* thread = units_[participant_unit_[i]].thread;
    if (thread == nullptr) continue;
    if (!gathered.handles[i].empty()) {
      thread->post([this, handles = gathered.handles[i]](StepGroup& group) {
        const std::string problem = commit(group, handles);
        if (!problem.empty()) runtime.fail(group.step(0).component().id, problem);
      });
    }
    if (gathered.ended[i]) thread->finish();
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    sources_[i]->acknowledge(gathered.checkpoint);
    if (gathered.ended[participant_unit_.size() + i]) sources_[i]->finish();
  }
}

}  // namespace flowrun
