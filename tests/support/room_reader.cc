#include "tests/support/room_reader.h"

#include <google/protobuf/util/json_util.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/grpc_stubs.h"

namespace atrium {
namespace {

v1::ServerFrame ParseFrame(const std::string& json) {
  v1::ServerFrame frame;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &frame);
  EXPECT_TRUE(status.ok()) << status.ToString() << ": " << json;
  return frame;
}

class GrpcRoomReader final : public RoomReader {
 public:
  GrpcRoomReader(uint16_t port, const v1::WatchRequest& request) : stub_(v1::RoomService::NewStub(GrpcChannel(port))) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + 3 * kPatience));
    stream_ = stub_->Watch(&context_, request);
  }
  ~GrpcRoomReader() override {
    context_.TryCancel();
    if (!status_) stream_->Finish();
  }

  std::optional<v1::ServerFrame> Read() override {
    v1::ServerFrames message;
    while (frames_.empty() && stream_->Read(&message)) {
      for (v1::ServerFrame& frame : *message.mutable_frames()) frames_.push_back(std::move(frame));
    }
    if (frames_.empty()) return std::nullopt;
    v1::ServerFrame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }

  absl::Status End() override {
    while (Read()) {
    }
    if (!status_) status_ = stream_->Finish();
    return absl::Status(static_cast<absl::StatusCode>(status_->error_code()), status_->error_message());
  }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<v1::RoomService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::ServerFrames>> stream_;
  std::deque<v1::ServerFrame> frames_;
  std::optional<grpc::Status> status_;
};

class HttpRoomReader final : public RoomReader {
 public:
  HttpRoomReader(uint16_t port, const std::string& room, HttpReader::Options options)
      : reader_(port, room, std::move(options)) {}

  std::optional<v1::ServerFrame> Read() override {
    std::optional<HttpReader::Frame> frame = reader_.Read();
    if (!frame) return std::nullopt;
    return std::move(frame->frame);
  }

  absl::Status End() override {
    // How an EventSource is told that it need not come back.
    if (reader_.reply().status == 204) return absl::NotFoundError("204");
    if (reader_.reply().status != 200) {
      const boost::json::value error = reader_.reply().Json();
      return absl::Status(static_cast<absl::StatusCode>(error.at("code").to_number<int>()),
                          TextOf(error.at("message")));
    }
    while (Read()) {
    }
    return reader_.ended_well() ? absl::OkStatus() : absl::UnknownError("the stream broke off");
  }

 private:
  HttpReader reader_;
};

}  // namespace

std::string WatchDoorName(WatchDoor door) {
  return door == WatchDoor::kGrpc ? "Grpc" : door == WatchDoor::kEvents ? "Events" : "Lines";
}

std::string PositionId(const v1::Position& position) { return absl::StrCat(position.epoch(), ":", position.offset()); }

HttpReader::HttpReader(uint16_t port, const std::string& room, const Options& options)
    : events_(options.headers.contains("Accept") && options.headers.at("Accept") == "text/event-stream"),
      socket_(port, options.receive_buffer) {
  std::string request = absl::StrCat("GET /api/rooms/", room, "/events", options.query, " HTTP/", options.version,
                                     "\r\nHost: localhost\r\n");
  for (const auto& [name, value] : options.headers) absl::StrAppend(&request, name, ": ", value, "\r\n");
  socket_.Send(absl::StrCat(request, "\r\n"));
  reply_ = ReadHttpReply(socket_, raw_, absl::Now() + kPatience);
}

bool HttpReader::Receive(absl::Time deadline) {
  const bool chunked = reply_.headers["transfer-encoding"] == "chunked";
  for (;;) {
    if (!chunked) {
      if (raw_.empty() && !socket_.Receive(raw_, deadline)) return false;
      text_ += std::exchange(raw_, "");
      return true;
    }
    const size_t line = raw_.find("\r\n");
    if (line != std::string::npos) {
      const size_t size = std::strtoul(raw_.c_str(), nullptr, 16);
      last_chunk_ = size == 0;
      if (last_chunk_) return false;
      if (raw_.size() >= line + 2 + size + 2) {
        EXPECT_EQ(raw_.substr(line + 2 + size, 2), "\r\n");
        text_ += raw_.substr(line + 2, size);
        raw_.erase(0, line + 2 + size + 2);
        return true;
      }
    }
    if (!socket_.Receive(raw_, deadline)) return false;
  }
}

std::optional<std::string> HttpReader::ReadLine(absl::Time deadline) {
  size_t end = 0;
  while ((end = text_.find('\n')) == std::string::npos) {
    if (last_chunk_ || !Receive(deadline)) return std::nullopt;
  }
  std::string line = text_.substr(0, end);
  text_.erase(0, end + 1);
  return line;
}

std::optional<HttpReader::Frame> HttpReader::Read(absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  Frame frame;
  std::string data;
  while (const std::optional<std::string> line = ReadLine(deadline)) {
    if (!events_ && line->empty()) {
      ++heartbeats_;
      continue;
    }
    if (!events_) return Frame{.frame = ParseFrame(*line)};
    if (line->empty()) {
      if (data.empty()) continue;
      frame.frame = ParseFrame(data);
      return frame;
    }
    if (absl::StartsWith(*line, ":")) {
      ++heartbeats_;
    } else if (absl::StartsWith(*line, "id: ")) {
      frame.id = line->substr(4);
    } else if (absl::StartsWith(*line, "data: ")) {
      data += line->substr(6);
    } else if (absl::StartsWith(*line, "retry: ")) {
      EXPECT_TRUE(absl::SimpleAtoi(line->substr(7), &retry_ms_));
    } else {
      ADD_FAILURE() << "no line of an event stream: " << *line;
    }
  }
  return std::nullopt;
}

bool HttpReader::AwaitClose() {
  std::string rest;
  while (socket_.Receive(rest, absl::Now() + kPatience)) {
  }
  return socket_.ended();
}

std::unique_ptr<RoomReader> WatchRoom(WatchDoor door, uint16_t http_port, uint16_t grpc_port, const std::string& room,
                                      const v1::Position* since) {
  if (door == WatchDoor::kGrpc) {
    v1::WatchRequest request;
    request.set_room_id(room);
    if (since != nullptr) *request.mutable_since() = *since;
    return std::make_unique<GrpcRoomReader>(grpc_port, request);
  }
  HttpReader::Options options;
  if (door == WatchDoor::kEvents) {
    options.headers["Accept"] = "text/event-stream";
    if (since != nullptr) options.headers["Last-Event-ID"] = PositionId(*since);
  } else if (since != nullptr) {
    options.query = absl::StrCat("?since.epoch=", since->epoch(), "&since.offset=", since->offset());
  }
  return std::make_unique<HttpRoomReader>(http_port, room, std::move(options));
}

}  // namespace atrium
