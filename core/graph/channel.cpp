#include "core/graph/channel.hpp"

#include <stdexcept>
#include <utility>

#include "core/graph/operator_instance.hpp"

namespace flowrun {

Channel::Channel(EdgeLedger& ledger, std::vector<Target> targets, std::size_t step,
                 std::uint32_t port, const std::vector<std::string>& key_fields, KeySkew& skew)
    : ledger_(ledger), targets_(std::move(targets)), step_(step), port_(port), skew_(skew) {
  for (const std::string& field : key_fields) keys_.emplace_back(field);
}

void Channel::send(const MessagePointer& message) {
  message->step = step_;
  message->port = port_;
  if (targets_.size() > 1 || !keys_.empty()) {
    send_shares(*message);
    return;
  }
  std::int64_t bytes = 0;
  for (const flow::Batch& batch : message->batches) bytes += batch_bytes(*batch.get());
  message->queued =
      ledger_.send(static_cast<std::uint64_t>(message->rows()), static_cast<std::uint64_t>(bytes));
  targets_.front().inbox->deliver(targets_.front().input, message);
}

void Channel::send_shares(const Message& message) {
  std::vector<MessagePointer> copies;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    auto copy = std::make_shared<Message>();
    copy->number = message.number;
    copy->last = message.last;
    copy->control = message.control;
    copy->value = message.value;
    copy->step = message.step;
    copy->port = message.port;
    copy->open = message.open;
    copy->batches = message.batches;
    copy->shares.resize(message.batches.size());
    copy->ticket = message.ticket;
    copies.push_back(std::move(copy));
  }
  for (std::size_t at = 0; at < message.batches.size(); ++at) {
    const flow::Batch& batch = message.batches[at];
    key_columns_.clear();
    for (flow::ColumnFinder& key : keys_) {
      const flow_column* column = key.find(batch);
      if (column == nullptr) {
        throw std::runtime_error("the key field '" + key.name() + "' is not in the rows");
      }
      key_columns_.push_back(column);
    }
    const auto split =
        std::make_shared<const KeySplit>(key_columns_, batch.rows(), targets_.size(), skew_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      copies[i]->shares[at] = {split, split->rows_of(i)};
    }
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    std::uint64_t rows = 0;
    for (const KeyShare& share : copies[i]->shares) rows += share.rows.size();
    copies[i]->queued = ledger_.send(rows, 0);
    if (rows > 0) copies[i]->receipt = message.receipt.again();
    targets_[i].inbox->deliver(targets_[i].input, copies[i]);
  }
}

}  // namespace flowrun
