// Batches of tables, for tests of what the engine does with batches.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "flow/output.hpp"
#include "flow/testing/host.hpp"
#include "flow/testing/table.hpp"

namespace flowrun::graph_test {

class TableBatchTest : public ::testing::Test {
 protected:
  TableBatchTest() : out_(host_.abi()) {}

  flow::Batch batch(const flow::testing::Table& table, const flow_origin* origin = nullptr) {
    std::vector<flow::NewColumn> columns;
    for (const auto& column : table.columns) {
      columns.push_back(
          {column.name,
           {flow::testing::make_column(host_.host(), column.type, column.cells), column.type}});
    }
    return out_.make(table.rows(), columns, origin);
  }

  flow::testing::TestHost host_;
  flow::Output out_;
};

}  // namespace flowrun::graph_test
