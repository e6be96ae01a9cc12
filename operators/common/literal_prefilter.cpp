#include "literal_prefilter.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace flow::operators {
namespace {

constexpr std::uint32_t kHasOutput = 0x80000000U;
constexpr std::size_t kWordBits = 64;

std::size_t words_for(std::size_t bits) { return (bits + kWordBits - 1) / kWordBits; }

void set_bit(std::vector<std::uint64_t>& words, std::size_t bit) {
  words[bit / kWordBits] |= std::uint64_t{1} << (bit % kWordBits);
}

}  // namespace

std::size_t LiteralPrefilter::Candidates::next(std::size_t from, std::size_t end) const {
  while (from < end) {
    const std::uint64_t rest = expressions_[from / kWordBits] >> (from % kWordBits);
    if (rest != 0) return std::min(end, from + static_cast<std::size_t>(std::countr_zero(rest)));
    from = (from / kWordBits + 1) * kWordBits;
  }
  return end;
}

LiteralPrefilter::LiteralPrefilter(const std::vector<LiteralRequirement>& requirements)
    : complete_(requirements.size()), always_(words_for(requirements.size())) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  std::vector<std::string_view> literals;
  std::vector<std::vector<Posting>> postings;
  for (std::uint32_t expression = 0; expression < requirements.size(); ++expression) {
    const auto& clauses = requirements[expression].clauses;
    if (clauses.empty()) set_bit(always_, expression);
    std::uint32_t bit = 1;
    for (const LiteralClause& clause : clauses) {
      if (bit > 0xFFU)
        break;  // the clauses beyond the mask are not needed: fewer conditions, more candidates
      for (const std::string& literal : clause) {
        const auto [entry, added] =
            numbers.try_emplace(literal, static_cast<std::uint32_t>(literals.size()));
        if (added) {
          literals.push_back(literal);
          postings.emplace_back();
        }
        postings[entry->second].push_back({expression, bit});
      }
      complete_[expression] = static_cast<std::uint8_t>(complete_[expression] | bit);
      bit <<= 1U;
    }
  }
  literal_count_ = literals.size();
  posting_begin_.push_back(0);
  for (const auto& list : postings) {
    postings_.insert(postings_.end(), list.begin(), list.end());
    posting_begin_.push_back(static_cast<std::uint32_t>(postings_.size()));
  }

  for (const std::string_view literal : literals) {
    for (const char byte : literal) {
      auto& column = class_of_[static_cast<unsigned char>(byte)];
      if (column == 0) column = static_cast<std::uint8_t>(class_count_++);
    }
  }
  for (unsigned char byte = 'A'; byte <= 'Z'; ++byte) class_of_[byte] = class_of_[byte + 'a' - 'A'];

  // The trie. Its rows hold state numbers until the automaton is finished; 0 is the root and "no
  // such child".
  std::vector<std::uint32_t> own_literal(1, 0);  // state -> literal that ends here, plus one
  transitions_.assign(class_count_, 0);
  for (std::uint32_t number = 0; number < literals.size(); ++number) {
    std::uint32_t state = 0;
    for (const char byte : literals[number]) {
      const std::size_t cell = state * class_count_ + class_of_[static_cast<unsigned char>(byte)];
      if (transitions_[cell] == 0) {
        transitions_[cell] = static_cast<std::uint32_t>(own_literal.size());
        own_literal.push_back(0);
        transitions_.resize(transitions_.size() + class_count_, 0);
      }
      state = transitions_[cell];
    }
    own_literal[state] = number + 1;
  }
  if (transitions_.size() >= kHasOutput) {
    throw std::length_error("literal prefilter: the literals are too many for one automaton");
  }

  // Breadth first: a state's failure state is nearer to the root, so its row is already complete.
  const std::size_t state_count = own_literal.size();
  std::vector<std::uint32_t> failure(state_count, 0);
  std::vector<std::uint32_t> queue;
  queue.reserve(state_count);
  queue.push_back(0);
  state_output_.assign(state_count, 0);
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::uint32_t state = queue[head];
    state_output_[state] = state_output_[failure[state]];
    if (own_literal[state] != 0) {
      outputs_.push_back({own_literal[state] - 1, state_output_[state]});
      state_output_[state] = static_cast<std::uint32_t>(outputs_.size());
    }
    for (std::size_t column = 1; column < class_count_; ++column) {
      std::uint32_t& target = transitions_[state * class_count_ + column];
      const std::uint32_t fallback =
          state == 0 ? 0 : transitions_[failure[state] * class_count_ + column];
      if (target == 0) {
        target = fallback;
      } else {
        failure[target] = fallback;
        queue.push_back(target);
      }
    }
  }
  for (std::uint32_t& target : transitions_) {
    const std::uint32_t output = state_output_[target] != 0 ? kHasOutput : 0;
    target = static_cast<std::uint32_t>(target * class_count_) | output;
  }
}

void LiteralPrefilter::scan(std::string_view text, Candidates& candidates) const {
  candidates.expressions_.assign(always_.begin(), always_.end());
  candidates.literals_.assign(words_for(literal_count_), 0);
  candidates.clauses_.assign(complete_.size(), 0);
  const std::uint32_t* const transitions = transitions_.data();
  std::uint32_t row = 0;
  for (const char byte : text) {
    const std::uint32_t entry = transitions[row + class_of_[static_cast<unsigned char>(byte)]];
    row = entry & ~kHasOutput;
    if ((entry & kHasOutput) == 0) continue;
    std::uint32_t output = state_output_[row / class_count_];
    while (output != 0) {
      const auto [literal, next] = outputs_[output - 1];
      std::uint64_t& word = candidates.literals_[literal / kWordBits];
      const std::uint64_t bit = std::uint64_t{1} << (literal % kWordBits);
      // Seen before: so was every suffix of it, the rest of the chain.
      if ((word & bit) != 0) break;
      word |= bit;
      for (std::uint32_t i = posting_begin_[literal]; i < posting_begin_[literal + 1]; ++i) {
        const Posting& posting = postings_[i];
        std::uint8_t& mask = candidates.clauses_[posting.expression];
        mask = static_cast<std::uint8_t>(mask | posting.clause_bit);
        if (mask == complete_[posting.expression]) {
          set_bit(candidates.expressions_, posting.expression);
        }
      }
      output = next;
    }
  }
}

std::size_t LiteralPrefilter::memory() const {
  return transitions_.size() * sizeof(transitions_[0]) +
         state_output_.size() * sizeof(state_output_[0]) + outputs_.size() * sizeof(outputs_[0]) +
         posting_begin_.size() * sizeof(posting_begin_[0]) +
         postings_.size() * sizeof(postings_[0]) + complete_.size() + always_.size() * 8;
}

}  // namespace flow::operators
