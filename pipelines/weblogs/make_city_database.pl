#!/usr/bin/env perl
# Writes the sample city database: make_city_database.pl [OUT=city.mmdb]
#
# The records have the nested shape of MaxMind's GeoLite2-City, so that a pipeline file works unchanged with
# the real database. Only networks that are reserved for documentation, benchmarks and private use
# are in it (RFC 5737, 2544, 3849, 1918); where they "are" is made up. Every other address is unknown.
# Needs Debian's libmaxmind-db-writer-perl. The output is the same byte for byte on every run.
use strict;
use warnings;
use utf8;

use File::Basename qw(dirname);
use MaxMind::DB::Writer::Tree;

my $out = $ARGV[0] // dirname(__FILE__) . '/city.mmdb';

# A fixed date (28 October 2025, 00:00 UTC) instead of the time of the run.
my $build_epoch = 1761609600;

my %country = (
    AU => [ 2077456, 'Australia',      'OC', 'Oceania' ],
    BR => [ 3469034, 'Brazil',         'SA', 'South America' ],
    CA => [ 6251999, 'Canada',         'NA', 'North America' ],
    CH => [ 2658434, 'Switzerland',    'EU', 'Europe' ],
    DE => [ 2921044, 'Germany',        'EU', 'Europe' ],
    ES => [ 2510769, 'Spain',          'EU', 'Europe' ],
    FR => [ 3017382, 'France',         'EU', 'Europe' ],
    GB => [ 2635167, 'United Kingdom', 'EU', 'Europe' ],
    GH => [ 2300660, 'Ghana',          'AF', 'Africa' ],
    IN => [ 1269750, 'India',          'AS', 'Asia' ],
    IS => [ 2629691, 'Iceland',        'EU', 'Europe' ],
    JP => [ 1861060, 'Japan',          'AS', 'Asia' ],
    KE => [ 192950,  'Kenya',          'AF', 'Africa' ],
    NL => [ 2750405, 'Netherlands',    'EU', 'Europe' ],
    NZ => [ 2186224, 'New Zealand',    'OC', 'Oceania' ],
    US => [ 6252001, 'United States',  'NA', 'North America' ],
);

# network, country, then for a city: name, latitude, longitude, time zone, subdivision code and name.
# A smaller network inside a larger one comes after it and wins.
my @places = (
    [ '203.0.113.0/24',   'FR', 'Paris', 48.8566, 2.3522, 'Europe/Paris', 'IDF', 'Île-de-France' ],
    [ '198.51.100.0/24',  'DE' ],
    [ '198.51.100.0/26',  'DE', 'Berlin', 52.5244, 13.4105, 'Europe/Berlin', 'BE', 'Land Berlin' ],
    [ '198.51.100.64/26', 'DE', 'Munich', 48.1374, 11.5755, 'Europe/Berlin', 'BY', 'Bavaria' ],
    [ '198.51.100.128/27', 'CH', 'Zürich', 47.3667, 8.55, 'Europe/Zurich', 'ZH', 'Zurich' ],
    [ '192.0.2.0/26',     'GB', 'London', 51.5085, -0.1257, 'Europe/London', 'ENG', 'England' ],
    [ '192.0.2.64/26',    'US', 'New York', 40.7143, -74.006, 'America/New_York', 'NY', 'New York' ],
    [ '192.0.2.128/27',   'BR', 'São Paulo', -23.5475, -46.6361, 'America/Sao_Paulo', 'SP', 'São Paulo' ],
    [ '192.0.2.160/28',   'JP', 'Tokyo', 35.6895, 139.6917, 'Asia/Tokyo', '13', 'Tokyo' ],
    [ '192.0.2.176/28',   'US' ],
    [ '198.18.0.0/17',    'IN', 'Mumbai', 19.0728, 72.8826, 'Asia/Kolkata', 'MH', 'Maharashtra' ],
    [ '198.18.128.0/18',  'KE', 'Nairobi', -1.2833, 36.8167, 'Africa/Nairobi', '30', 'Nairobi County' ],
    [ '198.18.192.0/19',  'GH', 'Accra', 5.556, -0.1969, 'Africa/Accra', 'AA', 'Greater Accra Region' ],
    [ '198.19.0.0/18',    'AU', 'Sydney', -33.8678, 151.2073, 'Australia/Sydney', 'NSW', 'New South Wales' ],
    [ '198.19.64.0/18',   'CA', 'Montréal', 45.5088, -73.5878, 'America/Toronto', 'QC', 'Quebec' ],
    [ '198.19.128.0/18',  'NZ' ],
    [ '10.1.0.0/16',      'NL', 'Amsterdam', 52.374, 4.8897, 'Europe/Amsterdam', 'NH', 'North Holland' ],
    [ '2001:db8::/34',    'ES', 'Madrid', 40.4165, -3.7026, 'Europe/Madrid', 'MD', 'Madrid' ],
    [ '2001:db8:4::/46',  'IS', 'Reykjavík', 64.1355, -21.8954, 'Atlantic/Reykjavik', '1', 'Capital Region' ],
    [ '2001:db8:8::/47',  'IS' ],
);

my %type = (
    accuracy_radius => 'uint16',
    city            => 'map',
    code            => 'utf8_string',
    continent       => 'map',
    country         => 'map',
    en              => 'utf8_string',
    geoname_id      => 'uint32',
    iso_code        => 'utf8_string',
    latitude        => 'double',
    location        => 'map',
    longitude       => 'double',
    names           => 'map',
    subdivisions    => [ 'array', 'map' ],
    time_zone       => 'utf8_string',
);

my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version               => 6,
    record_size              => 24,
    database_type            => 'Sample-GeoLite2-City',
    languages                => ['en'],
    description              => { en => 'Sample places of documentation networks' },
    map_key_type_callback    => sub { $type{ $_[0] } },
    remove_reserved_networks => 0,
    alias_ipv6_to_ipv4       => 1,
);
$tree->_set_build_epoch($build_epoch);

for my $place (@places) {
    my ( $network, $code, $city, $latitude, $longitude, $zone, $region_code, $region ) = @{$place};
    my ( $country_id, $country_name, $continent_code, $continent ) = @{ $country{$code} };
    my %record = (
        continent => { code => $continent_code, names => { en => $continent } },
        country => { geoname_id => $country_id, iso_code => $code, names => { en => $country_name } },
    );
    if ( defined $city ) {
        $record{city} = { names => { en => $city } };
        $record{location} = {
            accuracy_radius => 20,
            latitude        => $latitude,
            longitude       => $longitude,
            time_zone       => $zone,
        };
        $record{subdivisions} = [ { iso_code => $region_code, names => { en => $region } } ];
    }
    $tree->insert_network( $network, \%record );
}

open my $file, '>:raw', $out or die "make_city_database.pl: cannot write $out: $!\n";
$tree->write_tree($file);
close $file or die "make_city_database.pl: cannot write $out: $!\n";
