#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/embedded_log.h"
#include "server/engine/room_log.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_directory.h"

namespace atrium::testing {

using MaybeRoom = std::optional<StoredRoom>;

// What a callback of a log brings, to be waited for. Copies share it.
template <typename T>
class Answer {
 public:
  auto Callback() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  bool ready() const { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  T Get() const {
    if (future_.wait_for(absl::ToChronoMilliseconds(3 * kPatience)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer from the log";
      std::abort();
    }
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
  std::shared_future<T> future_ = promise_->get_future().share();
};

// Asks a log and waits, so that a test reads top down. For logs that answer by themselves.
class LogClient {
 public:
  explicit LogClient(RoomLog& log) : log_(log) {}

  absl::StatusOr<MaybeRoom> Open(std::string room_id) {
    Answer<absl::StatusOr<MaybeRoom>> answer;
    log_.Open(std::move(room_id), answer.Callback());
    return answer.Get();
  }
  Answer<absl::Status> StartAppend(std::string room_id, uint64_t sequence, std::string bytes, std::string head = "") {
    Answer<absl::Status> answer;
    log_.Append({std::move(room_id), sequence, std::move(bytes), std::move(head)}, answer.Callback());
    return answer;
  }
  absl::Status Append(std::string room_id, uint64_t sequence, std::string bytes, std::string head = "") {
    return StartAppend(std::move(room_id), sequence, std::move(bytes), std::move(head)).Get();
  }
  absl::Status Save(std::string room_id, uint64_t sequence, std::string bytes, uint64_t keep_from,
                    std::string head = "") {
    Answer<absl::Status> answer;
    log_.Save({std::move(room_id), sequence, std::move(bytes), keep_from, std::move(head)}, answer.Callback());
    return answer.Get();
  }
  absl::Status Erase(std::string room_id) {
    Answer<absl::Status> answer;
    log_.Erase(std::move(room_id), answer.Callback());
    return answer.Get();
  }
  absl::StatusOr<std::vector<StoredHead>> List(std::string after, size_t count) {
    Answer<absl::StatusOr<std::vector<StoredHead>>> answer;
    log_.List(std::move(after), count, answer.Callback());
    return answer.Get();
  }
  // Closes the room, and reads what is there.
  absl::StatusOr<MaybeRoom> Reopen(const std::string& room_id) {
    log_.Close(room_id);
    return Open(room_id);
  }

 private:
  RoomLog& log_;
};

inline absl::StatusOr<std::unique_ptr<RoomLog>> OpenLog(const std::string& directory, rocksdb::Env* env = nullptr) {
  EmbeddedLogOptions options;
  options.directory = directory;
  options.env = env;
  options.recovery_interval = absl::ZeroDuration();
  return OpenEmbeddedLog(std::move(options));
}

}  // namespace atrium::testing
