#include "operators/transforms/keep.hpp"

#include <algorithm>

namespace flow::operators {

void Keep::describe(Description<Options>& d) {
  d.name("keep");
  d.summary("Keeps the named fields and drops all others.");
  d.doc(
      "The fields come out in the order in which `fields` names them, which is also the order in "
      "which the codec json writes them; those that one pattern stands for in the order of the "
      "input. No data is copied: it costs well under a microsecond a batch.");
  d.example(
      "type = \"keep\"\ninputs = [\"parsed\"]\nfields = [\"host\", \"date*\", \"request\"]\n");
  describe_field_list(d);
}

PickedColumns Keep::select(const flow_schema& schema) const {
  PickedColumns columns;
  for (const FieldPattern& pattern : patterns()) {
    for (const uint32_t index : columns_of(schema, pattern)) {
      const auto same = [&](const auto& column) { return column.first == index; };
      if (std::none_of(columns.begin(), columns.end(), same)) {
        columns.emplace_back(index, schema.fields[index]->name);
      }
    }
  }
  return columns;
}

}  // namespace flow::operators
