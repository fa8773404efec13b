#include "server/live/rooms/idempotency.h"

#include <sodium.h>

#include <array>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

constexpr size_t kFingerprintBytes = 16;

// These are in the order of Idempotency::Method. They are stored, so they stay as they are.
constexpr std::array<absl::string_view, 4> kMethodNames = {"Call", "Emit", "SendMessage", "SetState"};
static_assert(kMethodNames.size() == static_cast<size_t>(Idempotency::Method::kSetState) + 1);

absl::Status KeyOfAnother() {
  return InvalidField("idempotencyKey", "was used for another request: a key is for one request and its retries");
}

void Update(crypto_generichash_state& state, absl::string_view text) {
  const uint64_t size = text.size();
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size), sizeof(size));
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

// Protobuf writes the keys of an object in an order that differs from one time to the next.
json::value WithSortedKeys(const json::value& value) {
  if (const json::array* const array = value.if_array()) {
    json::array sorted;
    for (const json::value& element : *array) sorted.push_back(WithSortedKeys(element));
    return sorted;
  }
  const json::object* const object = value.if_object();
  if (object == nullptr) return value;
  std::map<absl::string_view, const json::value*> entries;
  for (const auto& [key, element] : *object) entries.emplace(ToView(key), &element);
  json::object sorted;
  for (const auto& [key, element] : entries) sorted.emplace(FromView(key), WithSortedKeys(*element));
  return sorted;
}

Idempotency::Answer AnswerOf(const StoredAnswer& stored) {
  return {.response = stored.response(),
          .payload = stored.payload().empty() ? Payload() : Payload::FromText(stored.payload())};
}

}  // namespace

std::string Idempotency::StoredKey(const Name& name) {
  return absl::StrCat(name.subject, "\n", kMethodNames[static_cast<size_t>(name.method)], "\n", name.key);
}

std::string Idempotency::Fingerprint(absl::string_view body, const json::value& payload) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, kFingerprintBytes);
  Update(state, body);
  Update(state, ToJson(WithSortedKeys(payload)));
  std::string fingerprint(kFingerprintBytes, '\0');
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(fingerprint.data()), fingerprint.size());
  return fingerprint;
}

bool Idempotency::Claim(const Name& name, const std::string& fingerprint, SteadyTime now, Done& done) {
  Trim(now);
  std::string key = StoredKey(name);
  const auto it = entries_.find(key);
  if (it == entries_.end()) {
    if (HasOtherMethod(name)) {
      done(KeyOfAnother());
      return false;
    }
    StoredAnswer& stored = entries_[key].stored;
    stored.set_fingerprint(fingerprint);
    stored.set_key(std::move(key));
    return true;
  }
  Entry& entry = it->second;
  if (entry.stored.fingerprint() != fingerprint) {
    done(KeyOfAnother());
  } else if (entry.done) {
    done(AnswerOf(entry.stored));
  } else {
    entry.waiting.push_back(std::move(done));
  }
  return false;
}

std::optional<StoredAnswer> Idempotency::Finish(const std::string& key, const absl::StatusOr<Answer>& answer,
                                                const Moment& now) {
  const auto it = entries_.find(key);
  Entry& entry = it->second;
  std::vector<Done> waiting = std::move(entry.waiting);
  std::optional<StoredAnswer> stored;
  if (answer.ok()) {
    entry.done = true;
    entry.stored.set_response(answer->response);
    if (!answer->payload.empty()) entry.stored.set_payload(answer->payload.Json());
    entry.time = now.steady;
    entry.stored.set_time(absl::ToUnixMillis(now.wall));
    order_.push_back(key);
    stored = entry.stored;
  } else {
    entries_.erase(it);
  }
  for (Done& done : waiting) done(answer);
  return stored;
}

void Idempotency::Restore(StoredAnswer answer, const Moment& now) {
  Entry& entry = entries_[answer.key()];
  if (!entry.done) order_.push_back(answer.key());
  entry.time = now.ToSteady(absl::FromUnixMillis(answer.time()));
  entry.stored = std::move(answer);
  entry.done = true;
}

void Idempotency::ForEach(SteadyTime now, const std::function<void(const StoredAnswer&)>& visit) {
  Trim(now);
  for (const std::string& key : order_) visit(entries_.at(key).stored);
}

bool Idempotency::HasOtherMethod(const Name& name) const {
  Name other = name;
  for (size_t method = 0; method < kMethodNames.size(); ++method) {
    other.method = static_cast<Method>(method);
    if (other.method != name.method && entries_.contains(StoredKey(other))) return true;
  }
  return false;
}

void Idempotency::Trim(SteadyTime now) {
  while (!order_.empty() && (order_.size() >= kMost || now - entries_.at(order_.front()).time > kAge)) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace atrium
