// SPDX-License-Identifier: MIT
/* test-advice.c - what a machine without a module is told to do is what helps there */
#include "../harness.h"
#include "../../tools/advice.h"

static const struct machine usual = {
	.release = "6.1.0-9-amd64", .modules = true, .headers = true, .dkms = true,
	.manager = MANAGER_APT, .source = "/usr/src/memlane-1.0",
};

static void advised(struct machine m, const char *words)
{
	char text[512];

	advice_text(&m, text, sizeof(text));
	if (!strstr(text, words))
		fail("\"%s\" does not say \"%s\"", text, words);
}

static void not_advised(struct machine m, const char *words)
{
	char text[512];

	advice_text(&m, text, sizeof(text));
	if (strstr(text, words))
		fail("\"%s\" says \"%s\"", text, words);
}

TEST(installed_sources_are_built_with_dkms)
{
	advised(usual, "dkms install memlane/1.0");
	not_advised(usual, "headers");
}

TEST(without_dkms_by_their_own_makefile)
{
	struct machine m = usual;

	m.dkms = false;
	advised(m, "make -C /usr/src/memlane-1.0/kmod install");
}

TEST(in_the_project_by_its_makefile)
{
	struct machine m = usual;

	snprintf(m.tree, sizeof(m.tree), "/home/me/memlane");
	advised(m, "make -C /home/me/memlane module KERNEL=host");
}

TEST(no_sources_means_a_package)
{
	struct machine m = usual;

	*m.source = '\0';
	advised(m, "memlane-dkms");
	not_advised(m, "make module");
}

TEST(missing_headers_come_first)
{
	struct machine m = usual;

	m.headers = false;
	advised(m, "apt install linux-headers-6.1.0-9-amd64; then: dkms install");
	m.manager = MANAGER_DNF;
	advised(m, "dnf install kernel-devel-6.1.0-9-amd64");
	m.manager = MANAGER_ZYPPER;
	advised(m, "zypper install kernel-devel");
	m.manager = MANAGER_PACMAN;
	advised(m, "pacman -S linux-headers");
	m.manager = MANAGER_NONE;
	advised(m, "install the headers of kernel 6.1.0-9-amd64");
}

TEST(no_module_helps_a_kernel_that_takes_none)
{
	struct machine m = usual;

	m.modules = false;
	advised(m, "CONFIG_MODULES");
	not_advised(m, "dkms");
	m.modules = true;
	m.container = true;
	advised(m, "host");
	not_advised(m, "dkms");
}

TEST(this_machine_is_looked_at)
{
	struct machine m;

	advice_look(&m);
	expect(*m.release && m.release[0] != '?');
	expect(m.modules == !access("/proc/modules", F_OK));
}
