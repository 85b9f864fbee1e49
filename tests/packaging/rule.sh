# SPDX-License-Identifier: MIT
#
# For the scripts of this folder: rules as in tests/style, what was built, and a
# folder for what they make.
source tests/style/rule.sh

version=$(sed -n 's/.*define API_VERSION "\(.*\)"/\1/p' api/version.h)
programs=("$BUILD"/{lipschitzd,lipschitz-check,lipschitz-h5})
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
