// The source `stdin`: what other programs write to this one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/operator.hpp"
#include "operators/common/wake_event.hpp"

namespace flow::operators {

// One partition, `stdin`. Cost: one poll(2), one read(2) and five allocations a piece.
class StdinSource final : public Source {
 public:
  struct Options {
    Size read_size{64 * 1024};
  };
  static void describe(Description<Options>& d);

  explicit StdinSource(const Options& options) : options_(options) {}
  ~StdinSource() override;

  // Throws Failure where there is no standard input, or another source reads it already.
  void open(Output& out) override;
  Status poll(SourceOutput& out) override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;
  void wake() override { wake_.wake(); }

 private:
  const Options& options_;
  WakeEvent wake_;
  std::optional<Host> host_;
  bool is_reader_ = false;
  bool assigned_ = false;
  int64_t offset_ = 0;
};

}  // namespace flow::operators
