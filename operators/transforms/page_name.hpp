// page_name: the page a request asks for, and the page that it was asked from.
#pragma once

#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {

class PageName final : public Transform {
 public:
  struct Options {
    Field request{"request"};
    Field referer{"referer"};
    std::string page = "webpage";
    std::string refering_page = "refering_page";
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit PageName(const Options& options);
  void process(const Batch& in, Output& out) override;

 private:
  const Options options_;
  TextInput request_;
  TextInput referer_;
};

}  // namespace flow::operators
