#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Get Debian's source package of the base. That of 6.12 is in the suites that the system knows, and is installed from there.
# Newer ones are in trixie-backports: they are fetched from there to build/source, with sources, lists and a cache of apt's own
# below build/, so that the system's stay as they are. "source.sh" gets it; "source.sh version" and "source.sh unpack FOLDER" use it.
# Exit status 3: the suite does not have it (any more); what it has is listed.
. "$(dirname "$0")/common.sh"

suite=trixie-backports
fetched=$top/build/source

deb() { find "$fetched" -maxdepth 1 -name "${package}_*_all.deb" 2>/dev/null | sort -V | tail -n 1; }

installed() { [ "$BASE" = 6.12 ]; }

apt() {
	"$@" -o Dir::Etc::SourceList="$fetched/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$fetched/lists" -o Dir::Cache="$fetched/cache"
}

get() {
	if installed; then
		[ -r "/usr/src/$package.tar.xz" ] || die "/usr/src/$package.tar.xz is missing: apt-get install --reinstall $package"
		return
	fi
	[ -z "$(deb)" ] || return 0
	say "fetching $package from $suite (once, 160 MB)"
	mkdir -p "$fetched/lists/partial" "$fetched/cache/archives/partial"
	chmod 755 "$fetched" "$fetched"/*
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
		>"$fetched/sources.list"
	apt apt-get update -qq -o APT::Sandbox::User=root || die "cannot read what $suite has: is the network there?"
	if ! (cd "$fetched" && apt apt-get download -qq -o APT::Sandbox::User=root "$package"); then
		say "$suite has no $package. It has:"
		apt apt-cache pkgnames linux-source- | grep -E '[0-9]' | sort -V | sed 's/^linux-source-/	make BASE=/' >&2
		exit 3
	fi
}

version() {
	if installed; then
		dpkg-query -W -f '${Version}\n' "$package" 2>/dev/null || die "package $package is not installed: run assemble/deps.sh"
	else
		[ "$(deb)" ] || die "$package has not been fetched: run \"make BASE=$BASE tree\""
		dpkg-deb -f "$(deb)" Version
	fi
}

unpack() {
	if installed; then
		tar -xf "/usr/src/$package.tar.xz" -C "$1" --strip-components=1
	else
		dpkg-deb --fsys-tarfile "$(deb)" | tar -xO "./usr/src/$package.tar.xz" | tar -xJ -C "$1" --strip-components=1
	fi
}

case ${1-} in
'') get ;;
version) version ;;
unpack) unpack "$2" ;;
*) die "no $1 here: source.sh [version | unpack FOLDER]" ;;
esac
