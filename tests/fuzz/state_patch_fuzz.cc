// Makes two states out of the bytes, protobuf and JSON: a diff applied to the one gives the other, and its growth is
// the difference of their sizes.
#include <cstdint>
#include <cstdlib>

#include "server/wire/merge.h"
#include "server/wire/message_diff.h"
#include "server/wire/message_json.h"
#include "server/wire/value_size.h"
#include "tests/support/json_patch.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckMessages(const testing::RandomNumbers& random) {
  const testing::RichState before = testing::RandomState(random);
  testing::RichState after = before;
  testing::ChangeSome(random, after);
  const StateChange change = DiffMessages(before, after);
  const std::string before_json = MessageToJson(before, JsonZeros::kPrint);
  const std::string after_json = MessageToJson(after, JsonZeros::kPrint);
  json::value patched = *ParseJson(before_json);
  Require(ApplyToCopy(ToProto(change.patch), patched));
  Require(patched == *ParseJson(after_json));
  ValueSize size = SizeOfJson(before_json);
  size += change.growth;
  Require(size == SizeOfJson(after_json));
}

void CheckJson(const testing::RandomNumbers& random) {
  json::object before;
  before["state"] = testing::RandomJson(random, 4);
  json::object merge;
  merge["state"] = testing::RandomJson(random, 4);
  const StateChange change = ChangeFromMerge(before, merge);
  json::value patched = before;
  Require(ApplyToCopy(ToProto(change.patch), patched));
  ValueSize size = SizeOf(before);
  Merge(before, merge);
  Require(patched == before);
  size += change.growth;
  Require(size == SizeOf(before) && size == SizeOfJson(ToJson(before)));
  Require(static_cast<int64_t>(ToProtoValue(before).ByteSizeLong()) <= size.proto);
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uint8_t* const end = data + size;
  const auto next = [&data, end]() -> uint32_t { return data == end ? 0 : *data++; };
  atrium::CheckMessages(next);
  atrium::CheckJson(next);
  return 0;
}
