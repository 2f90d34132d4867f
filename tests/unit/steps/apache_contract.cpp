#include "tests/unit/steps/contract.h"

namespace migrate {

namespace {

void apache_sites(FakeSystem& machine) {
  machine.add_apache({"rewrite", "proxy", "proxy_http: proxy", "proxy_connect: proxy", "ssl"});
  machine.add_symlink("/etc/apache2/sites-enabled/django.conf", "../sites-available/django.conf");
  machine.add_file("/etc/apache2/sites-available/django.conf", "WSGI");
  machine.add_file("/etc/apache2/sites-enabled.static/default.conf", "static", 0640, 0, 33);
}

void stopped_apache_sites(FakeSystem& machine) {
  apache_sites(machine);
  machine.service("apache2").active = "inactive";
}

}  // namespace

std::vector<ContractCase> apache_cases() {
  const boost::json::object to_static{{"to", "static"}, {"keep_as", "django"}};
  return {
      {"restarted", "apache.switch", to_static, apache_sites},
      {"reloaded", "apache.switch", {{"to", "static"}, {"keep_as", "django"}, {"reload", true}}, apache_sites},
      {"Apache is down", "apache.switch", to_static, stopped_apache_sites},
      {"the same name for both", "apache.switch", {{"to", "static"}, {"keep_as", "static"}}, apache_sites},
      {"with dependencies", "apache.modules", {{"modules", {"rewrite", "proxy_http", "proxy_connect"}}}, apache_sites},
      {"one is enabled already",
       "apache.modules",
       {{"modules", {"ssl", "rewrite"}}},
       [](FakeSystem& machine) {
         apache_sites(machine);
         machine.add_symlink("/etc/apache2/mods-enabled/ssl.load", "../mods-available/ssl.load");
       }},
      {"Apache is down", "apache.modules", {{"modules", {"rewrite"}}}, stopped_apache_sites},
  };
}

}  // namespace migrate
