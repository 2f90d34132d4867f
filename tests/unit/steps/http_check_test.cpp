#include "steps/http_check.h"

#include "tests/support/fake_system.h"

#include <gtest/gtest.h>

namespace migrate {

namespace {

constexpr const char* checked_url = "https://www.libravatar.test/";

HttpResponse http_answer(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.address = "203.0.113.10";
  return response;
}

/// "" or the sentence of the Failure.
std::string http_verdict(FakeSystem& machine, boost::json::object params) {
  if (!params.contains("url")) params["url"] = checked_url;
  try {
    make_http_check("http.check", params, "")->verify(machine, {}, {});
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

std::string http_verdict(const HttpResponse& response, const boost::json::object& params) {
  FakeSystem machine;
  machine.add_page(checked_url, response);
  return http_verdict(machine, params);
}

/// A site that comes up at its third request.
class SlowSite : public FakeSystem {
 public:
  int asked = 0;
  HttpRequest last;
  HttpResponse http(const HttpRequest& request) override {
    last = request;
    if (++asked == 1) throw Failure("no connection");
    return http_answer(asked == 2 ? 503 : 200, "Libravatar");
  }
};

}  // namespace

TEST(HttpCheck, SaysWhatItExpectedAndWhatCame) {
  EXPECT_EQ(
      http_verdict(http_answer(503, "<h1>\n\n Down\x1b </h1>"), {{"status", 200}}),
      "https://www.libravatar.test/ answered 503 from 203.0.113.10, expected 200; it begins: <h1> Down\\x1b </h1>.");
  EXPECT_EQ(http_verdict(http_answer(200, ""), {{"contains", "Libravatar"}}),
            "https://www.libravatar.test/ answered 200 from 203.0.113.10, expected it to contain \"Libravatar\"; its "
            "body is empty.");
}

TEST(HttpCheck, AgreesWithWhatIsSo) {
  EXPECT_EQ(http_verdict(http_answer(200, "This is Libravatar."), {{"status", 200}, {"contains", "Libravatar"}}), "");
  EXPECT_EQ(http_verdict(http_answer(503, "migrating to a new server"), {{"contains", "migrating to"}}), "");
  EXPECT_EQ(http_verdict(http_answer(301, ""), {}), "");
  EXPECT_NE(http_verdict(http_answer(404, ""), {}), "");
}

TEST(HttpCheck, TellsWhereARedirectLeads) {
  HttpResponse away = http_answer(301, "");
  away.headers["location"] = "https://elsewhere.test/";
  std::string said = http_verdict(away, {{"status", 200}});
  EXPECT_NE(said.find("which redirects to https://elsewhere.test/"), std::string::npos) << said;
}

TEST(HttpCheck, CutsALongBodyBetweenCharacters) {
  std::string body = "x";
  for (int i = 0; i < 200; ++i) body += "\xC3\xA9";
  std::string said = http_verdict(http_answer(500, body), {});
  EXPECT_EQ(said.find("\\x"), std::string::npos) << said;
  EXPECT_TRUE(said.ends_with(" ....")) << said;
}

TEST(HttpCheck, WantsHstsWithAnAge) {
  HttpResponse response = http_answer(200, "");
  EXPECT_NE(http_verdict(response, {{"hsts", true}}).find("no Strict-Transport-Security header"), std::string::npos);
  for (const char* good : {"max-age=31536000", "includeSubDomains; Max-Age=\"1\"", "max-age = 5; preload"}) {
    response.headers["strict-transport-security"] = good;
    EXPECT_EQ(http_verdict(response, {{"hsts", true}}), "") << good;
  }
  for (const char* bad : {"max-age=0", "includeSubDomains", "max-age=", "max-age=x"}) {
    response.headers["strict-transport-security"] = bad;
    EXPECT_NE(http_verdict(response, {{"hsts", true}}), "") << bad;
  }
}

TEST(HttpCheck, AsksTheServerAndFamilyItIsTold) {
  FakeSystem machine;
  machine.add_page(checked_url, http_answer(200, "new"), "198.51.100.20")
      .add_page(checked_url, http_answer(200, "old"));
  EXPECT_EQ(http_verdict(machine, {{"via", "198.51.100.20"}, {"contains", "new"}}), "");
  SlowSite site;
  http_verdict(site, {{"family", "6"}});
  EXPECT_EQ(site.last.family, 6);
}

TEST(HttpCheck, TriesAgainUntilItsTimeIsOver) {
  SlowSite patient, hasty;
  EXPECT_EQ(http_verdict(patient, {{"status", 200}, {"within", 5000}}), "");
  EXPECT_EQ(patient.asked, 3);
  std::string said = http_verdict(hasty, {{"status", 200}, {"within", 400}});
  EXPECT_NE(said.find("answered 503"), std::string::npos) << said;
  EXPECT_NE(said.find("That was try 2 in 0.4 s."), std::string::npos) << said;
}

TEST(HttpCheck, PassesOnWhyThereWasNoAnswer) {
  FakeSystem machine;
  EXPECT_NE(http_verdict(machine, {}).find("connection refused"), std::string::npos);
}

}  // namespace migrate
