// user_agent: browser, operating system and device out of a User-Agent header.
#pragma once

#include <array>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/dictionary.hpp"
#include "flow/operator.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/text_source.hpp"
#include "operators/common/user_agent_parser.hpp"

namespace flow::operators {

class IdentifyUserAgent final : public Transform {
 public:
  struct Options {
    Field field{"agent"};
    std::string regexes = "/usr/share/uap-core/regexes.yaml";
    std::vector<std::string> fields = {"os", "browser", "device_type"};
    int64_t cache = 65536;
  };
  static void describe(Description<Options>& d);

  class Shared;
  static void infer(const Options& options, Shared& shared, Inference& inference);
  IdentifyUserAgent(const Options& options, Shared& shared);
  ~IdentifyUserAgent() override;
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct Agent;
  struct Slot {
    uint64_t hash = 0;
    std::shared_ptr<const Agent> agent;
  };

  void identify(const TextSource& source, Output& out);
  void identify_codes(const TextSource& source, Output& out);
  const Agent& find(std::string_view text, uint64_t hash, Output& out);
  const Agent& find_new(std::string_view text, uint64_t hash, Output& out);

  const Options options_;
  Shared& shared_;
  TextInput input_;
  std::vector<Slot> slots_;
  std::vector<const Agent*> of_code_;
  std::vector<const Agent*> of_row_;
  std::vector<std::shared_ptr<const Agent>> replaced_;  // kept to the end of the batch
  int64_t misses_ = 0;
  Metric misses_metric_;
};

// What the instances of a component share: the expressions, the agents that any of them has seen,
// and the dictionaries of the columns. [any]
class IdentifyUserAgent::Shared {
 public:
  // Begins to load the expressions, in the background.
  Shared(const Options& options, Host host);
  ~Shared();

  // Waits for the expressions. Throws Failure if their file is unusable.
  void wait();
  // The agent `text`, parsed now if no instance has met it. Instances that meet the same new agent
  // in the same moment each parse it, so that none waits for another.
  std::shared_ptr<const Agent> get(Host host, std::string_view text);

  using Member = std::string_view (*)(const UserAgent&);
  struct Output {
    std::string name;
    Member member;
    std::unique_ptr<SharedDictionary> dictionary;
  };
  const std::vector<Output>& outputs() const { return outputs_; }

 private:
  static constexpr size_t kShards = 64;
  struct Shard {
    std::mutex mutex;
    std::unordered_multimap<uint64_t, std::shared_ptr<const Agent>> agents;
  };

  std::shared_ptr<const Agent> make(Host host, std::string_view text) const;

  std::vector<Output> outputs_;
  size_t most_in_shard_;
  std::string file_;
  std::shared_future<std::shared_ptr<const UserAgentParser>> parser_;
  std::array<Shard, kShards> shards_;
};

}  // namespace flow::operators
