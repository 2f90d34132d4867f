#include "steps/apache.h"

#include "steps/printable.h"
#include "steps/service_unit.h"

namespace migrate {

void apache_configtest(System& system, const std::string& what) {
  Command command;
  command.argv = {"apache2ctl", "configtest"};
  command.reads_only = true;
  Exit exit = system.run(command);
  if (exit.ok()) return;
  throw Failure(what + " is not valid:\n" + last_lines(exit.out + exit.err, 8, "  "), "apache2ctl configtest",
                exit.code);
}

void reload_apache(System& system) {
  try {
    control_service(system, "reload", apache_unit);
  } catch (const Failure& refused) {
    system.log(std::string("Apache could not be reloaded, so it is restarted: ") + refused.what());
    control_service(system, "restart", apache_unit);
  }
}

void change_or_take_back(const std::function<void()>& change, const std::function<void()>& take_back) {
  try {
    change();
  } catch (const Failure& failed) {
    std::string text = failed.what();
    try {
      take_back();
      text += "\nIt was taken back at once: Apache is configured as before.";
    } catch (const Failure& stuck) {
      text += "\nTaking it back failed, too: " + std::string(stuck.what());
    }
    throw Failure(text, failed.command(), failed.exit_code());
  }
}

}  // namespace migrate
