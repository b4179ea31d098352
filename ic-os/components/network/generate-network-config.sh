#!/bin/sh
# Configures fixed addresses: converts network.conf of the config partition to a configuration of
# systemd-networkd, which has precedence over the one for DHCP. Without network.conf, it does
# nothing.
#
# network.conf has lines KEY=VALUE. Empty lines and lines that start with # are ignored. All keys
# are optional:
#   ipv6_address  2001:db8::10/64      ipv6_gateway  2001:db8::1
#   ipv4_address  192.0.2.10/24        ipv4_gateway  192.0.2.1
#   nameserver    one address; the key can be repeated
set -eu

CONFIGURED=/boot/config/network.conf
DIRECTORY=/run/systemd/network
RESULT=$DIRECTORY/10-config.network

[ -f "$CONFIGURED" ] || exit 0

refuse() {
    echo "$CONFIGURED: line $line_number: $*" >&2
    rm -f "$RESULT.new"
    exit 1
}

# check VALUE PATTERN: allows only the characters of addresses in the result.
check() {
    echo "$1" | grep -Eqx "$2" || refuse "\"$1\" is not a valid value of $key"
}

V6='[0-9A-Fa-f:.]+'
V4='[0-9.]+'

mkdir -p "$DIRECTORY"
printf '[Match]\nType=ether\n\n[Network]\nDHCP=no\n' >"$RESULT.new"
line_number=0
accept_ra=yes
while IFS= read -r line || [ -n "$line" ]; do
    line_number=$((line_number + 1))
    case "$line" in
        '' | '#'*) continue ;;
        *=*) ;;
        *) refuse "expected KEY=VALUE" ;;
    esac
    key=${line%%=*}
    value=${line#*=}
    case "$key" in
        ipv6_address)
            check "$value" "$V6/[0-9]{1,3}"
            accept_ra=no
            echo "Address=$value"
            ;;
        ipv4_address)
            check "$value" "$V4/[0-9]{1,2}"
            echo "Address=$value"
            ;;
        ipv6_gateway)
            check "$value" "$V6"
            echo "Gateway=$value"
            ;;
        ipv4_gateway)
            check "$value" "$V4"
            echo "Gateway=$value"
            ;;
        nameserver)
            check "$value" "$V6"
            echo "DNS=$value"
            ;;
        *) refuse "\"$key\" is not a known key" ;;
    esac >>"$RESULT.new"
done <"$CONFIGURED"
echo "IPv6AcceptRA=$accept_ra" >>"$RESULT.new"
chmod 0644 "$RESULT.new"
mv "$RESULT.new" "$RESULT"
