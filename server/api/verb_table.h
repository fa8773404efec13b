#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/api/authorizer.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/api/verb.h"

namespace atrium {

// A verb that is answered once, by a method of an API class.
template <typename Api, typename Request, typename Response>
struct VerbRow {
  Verb verb;
  // The method's name in its service.
  absl::string_view name;
  void (Api::*method)(const Caller&, WithPayload<Request>, Done<Response>);
};
template <typename Api, typename Request, typename Response>
VerbRow(Verb, const char*, void (Api::*)(const Caller&, WithPayload<Request>, Done<Response>))
    -> VerbRow<Api, Request, Response>;

// A verb whose method streams.
struct StreamRow {
  Verb verb;
  absl::string_view name;
};

// The verbs of one service, a row for each of its methods. It is constant, so that any thread may read it. Functions
// take a table as template argument: a symbol that lists the types of all rows is longer than ThreadSanitizer shows.
template <typename... Rows>
struct VerbTable {
  constexpr explicit VerbTable(absl::string_view service, Rows... rows) : service(service), rows(rows...) {}

  // This is the full name, as `atrium.v1.RoomService`.
  absl::string_view service;
  std::tuple<Rows...> rows;
};

// Calls `visit(row)` for each row.
template <const auto& table, typename Visit>
constexpr void ForEachVerb(Visit visit) {
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) { (visit(std::get<kIndex>(table.rows)), ...); }
  (std::make_index_sequence<std::tuple_size_v<decltype(table.rows)>>());
}

// Calls `visit(row)` for each VerbRow.
template <const auto& table, typename Visit>
constexpr void ForEachUnaryVerb(Visit visit) {
  ForEachVerb<table>([&]<typename Row>(const Row& row) {
    if constexpr (!std::is_same_v<Row, StreamRow>) visit(row);
  });
}

// Returns the full name of a row's method, as descriptors have it.
template <const auto& table, typename Row>
std::string FullName(const Row& row) {
  return absl::StrCat(table.service, ".", row.name);
}

// Returns the row of `verb`, which `table` must have.
template <const auto& table, Verb verb>
constexpr const auto& RowOf() {
  constexpr size_t kIndex = [] {
    size_t found = std::tuple_size_v<decltype(table.rows)>;
    size_t index = 0;
    ForEachVerb<table>([&](const auto& row) {
      if (row.verb == verb) found = index;
      ++index;
    });
    return found;
  }();
  return std::get<kIndex>(table.rows);
}

// Returns the room of a request; empty if it is not about one.
template <typename Request>
absl::string_view RoomOf(const Request& request) {
  if constexpr (requires { request.room_id(); }) {
    return request.room_id();
  } else {
    return {};
  }
}

// Returns the method of a room that a request calls; empty if it calls none.
template <typename Request>
absl::string_view MethodOf(const Request& request) {
  if constexpr (requires { request.method(); }) {
    return request.method();
  } else {
    return {};
  }
}

// Runs a row's verb if its caller may; else `done`, a Done<Response> or what becomes one, gets the error of Authorizer.
// Joins of clients and components and all Watches come by Attendance instead, which asks Authorizer itself.
template <typename Api, typename Request, typename Response, typename AnyDone>
void RunVerb(Api& api, const VerbRow<Api, Request, Response>& row, const Caller& caller, WithPayload<Request>&& request,
             AnyDone&& done) {
  const Request& asked = *std::as_const(request.message);
  absl::Status refusal = api.authorizer().Authorize(caller, row.verb, RoomOf(asked), MethodOf(asked));
  if (!refusal.ok()) return done(absl::StatusOr<WithPayload<Response>>(std::move(refusal)));
  (api.*row.method)(caller, std::move(request), std::forward<AnyDone>(done));
}

// Adds the verbs of `api` that are answered once to what the REST door serves. `api` must outlive `rpcs`.
template <const auto& table, typename Api>
void AddVerbs(Api& api, RpcTable& rpcs) {
  ForEachUnaryVerb<table>([&]<typename Request, typename Response>(const VerbRow<Api, Request, Response>& row) {
    rpcs.Add<Request, Response>(FullName<table>(row),
                                [&api, &row](const Caller& caller, WithPayload<Request> request, Done<Response> done) {
                                  RunVerb(api, row, caller, std::move(request), std::move(done));
                                });
  });
}

}  // namespace atrium
