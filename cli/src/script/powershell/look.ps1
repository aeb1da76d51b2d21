# What this machine says about its Remote Desktop service. Everything here only looks; without rights it sees less.

$TerminalKey = 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server'
$ListenerKey = 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp'
$PolicyKey = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services'

function Get-RdpValue {
    param([string] $Path, [string] $Name)
    try {
        return (Get-ItemProperty -LiteralPath $Path -Name $Name -ErrorAction Stop).$Name
    } catch {
        return $null
    }
}

# A policy wins over the setting of the machine.
function Get-RdpSetting {
    param([string] $Path, [string] $Name)
    $value = Get-RdpValue $PolicyKey $Name
    if ($null -ne $value) { return $value }
    return (Get-RdpValue $Path $Name)
}

function Get-RdpPort {
    $port = Get-RdpValue $ListenerKey 'PortNumber'
    if ($null -eq $port) { return 3389 }
    return [int] $port
}

function Get-RdpListener {
    $port = Get-RdpPort
    $listens = 'unknown'
    try {
        $all = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners()
        $listens = 'no'
        foreach ($one in $all) { if ($one.Port -eq $port) { $listens = 'yes' } }
    } catch {
        Write-Verbose 'the list of listening ports cannot be read'
    }
    $deny = Get-RdpSetting $TerminalKey 'fDenyTSConnections'
    return [ordered]@{
        Port               = $port
        Listens            = $listens
        ConnectionsAllowed = $(if ($deny -eq 1) { 'no' } elseif ($deny -eq 0) { 'yes' } else { 'unknown' })
        SecurityLayer      = Get-RdpSetting $ListenerKey 'SecurityLayer'
        UserAuthentication = Get-RdpSetting $ListenerKey 'UserAuthentication'
        EncryptionLevel    = Get-RdpSetting $ListenerKey 'MinEncryptionLevel'
    }
}

# The certificate that the listener uses: its thumbprint, or nothing.
function Get-RdpThumbprint {
    try {
        $filter = "TerminalName='RDP-Tcp'"
        $setting = Get-CimInstance -Namespace 'root/cimv2/TerminalServices' -ClassName 'Win32_TSGeneralSetting' -Filter $filter -ErrorAction Stop
        if ($setting.SSLCertificateSHA1Hash) { return $setting.SSLCertificateSHA1Hash }
    } catch {
        Write-Verbose 'WMI does not tell which certificate is used'
    }
    $bytes = Get-RdpValue $ListenerKey 'SSLCertificateSHA1Hash'
    if ($null -eq $bytes) { $bytes = Get-RdpValue $ListenerKey 'SelfSignedCertificate' }
    if ($null -eq $bytes) { return $null }
    return (($bytes | ForEach-Object { $_.ToString('X2') }) -join '')
}

# The file that holds a certificate's private key. Its name is asked for; the key stays where it is.
function Get-RdpKeyFile {
    param($Certificate, [string] $Store)
    $names = @()
    try {
        $key = [Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($Certificate)
        if ($key -is [Security.Cryptography.RSACng]) { $names += $key.Key.UniqueName }
        elseif ($null -ne $key -and $null -ne $key.CspKeyContainerInfo) { $names += $key.CspKeyContainerInfo.UniqueKeyContainerName }
    } catch {
        Write-Verbose 'the key does not open'
    }
    # Windows always keeps the key of the certificate that it makes for Remote Desktop itself under this name.
    if ($names.Count -eq 0 -and $Store -eq 'Remote Desktop') { $names += 'f686aace6942fb7f7ceb231212eef4a4_*' }
    foreach ($folder in 'RSA\MachineKeys', 'Keys', 'SystemKeys') {
        foreach ($name in $names) {
            $path = Join-Path (Join-Path $env:ProgramData (Join-Path 'Microsoft\Crypto' $folder)) $name
            $found = @(Get-ChildItem -Path $path -Force -ErrorAction SilentlyContinue)
            if ($found.Count -gt 0) { return $found[0].FullName }
        }
    }
    return $null
}

# Whether an account may read a file: yes, no, unknown. Accounts are SIDs, so that no language matters.
function Test-RdpRead {
    param([string] $Path, [string[]] $Sids)
    try {
        $rules = (Get-Acl -LiteralPath $Path -ErrorAction Stop).GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])
    } catch {
        return 'unknown'
    }
    $answer = 'no'
    foreach ($rule in $rules) {
        if ($Sids -notcontains $rule.IdentityReference.Value) { continue }
        # ReadData and GENERIC_READ, GENERIC_ALL.
        $reads = ([int] $rule.FileSystemRights -band 1) -ne 0 -or ([int] $rule.FileSystemRights -band -1879048192) -ne 0
        if (-not $reads) { continue }
        if ($rule.AccessControlType -eq [Security.AccessControl.AccessControlType]::Deny) { return 'no' }
        $answer = 'yes'
    }
    return $answer
}

function Get-RdpCertificate {
    $thumbprint = Get-RdpThumbprint
    $now = Get-Date
    $found = @()
    foreach ($store in 'Remote Desktop', 'My') {
        foreach ($certificate in @(Get-ChildItem -Path "Cert:\LocalMachine\$store" -ErrorAction SilentlyContinue)) {
            $used = ($certificate.Thumbprint -eq $thumbprint)
            if ($store -eq 'My' -and -not $used) { continue }
            $file = Get-RdpKeyFile $certificate $store
            $keyFile = 'missing'
            $service = 'unknown'
            $system = 'unknown'
            if ($null -ne $file) {
                $keyFile = 'found'
                # NETWORK SERVICE as itself, as one of all services, or as anybody.
                $service = Test-RdpRead $file @('S-1-5-20', 'S-1-5-6', 'S-1-5-11', 'S-1-1-0')
                $system = Test-RdpRead $file @('S-1-5-18')
            }
            $found += [ordered]@{
                Store        = $store
                Thumbprint   = $certificate.Thumbprint
                InUse        = $(if ($null -eq $thumbprint) { 'unknown' } elseif ($used) { 'yes' } else { 'no' })
                NotBefore    = $certificate.NotBefore.ToUniversalTime().ToString('o')
                NotAfter     = $certificate.NotAfter.ToUniversalTime().ToString('o')
                Validity     = $(if ($now -gt $certificate.NotAfter) { 'expired' } elseif ($now -lt $certificate.NotBefore) { 'not-yet' } else { 'valid' })
                SelfSigned   = $(if ($certificate.Subject -eq $certificate.Issuer) { 'yes' } else { 'no' })
                HasKey       = $(if ($certificate.HasPrivateKey) { 'yes' } else { 'no' })
                KeyFile      = $keyFile
                ServiceReads = $service
                SystemReads  = $system
            }
        }
    }
    return , $found
}

function Get-RdpService {
    $found = @()
    foreach ($name in 'TermService', 'SessionEnv', 'UmRdpService', 'KeyIso', 'CryptSvc', 'Netlogon', 'W32Time', 'Dnscache') {
        try {
            $service = Get-CimInstance -ClassName 'Win32_Service' -Filter "Name='$name'" -ErrorAction Stop
        } catch {
            continue
        }
        if ($null -eq $service) { continue }
        $found += [ordered]@{ Name = $name; State = ([string] $service.State).ToLowerInvariant(); StartType = ([string] $service.StartMode).ToLowerInvariant() }
    }
    return , $found
}

function Get-RdpFirewall {
    $found = @()
    $profiles = @()
    try {
        # Any: what belongs to no profile of its own is judged by the public one.
        $profiles = @(Get-NetConnectionProfile -ErrorAction Stop | ForEach-Object { ([string] $_.NetworkCategory) -replace 'Authenticated$', '' } | Sort-Object -Unique)
        foreach ($rule in @(Get-NetFirewallRule -Group '@FirewallAPI.dll,-28752' -ErrorAction Stop)) {
            $found += [ordered]@{
                Rule    = $rule.Name
                Enabled = $(if ([string] $rule.Enabled -eq 'True') { 'yes' } else { 'no' })
                Action  = ([string] $rule.Action).ToLowerInvariant()
                Profile = [string] $rule.Profile
                Active  = ($profiles -join ', ')
            }
        }
    } catch {
        Write-Verbose 'the firewall does not tell its rules'
    }
    return , $found
}

function Get-RdpClock {
    $source = ''
    $offset = $null
    try {
        $source = ([string] (& w32tm.exe /query /source 2>$null | Select-Object -First 1)).Trim()
        $peer = ($source -split ',')[0]
        if ($peer -match '^[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9.-]+$') {
            foreach ($line in @(& w32tm.exe /stripchart "/computer:$peer" /samples:1 /dataonly 2>$null)) {
                if ($line -match ',\s*([+-]?\d+)[.,](\d+)s') { $offset = [double]::Parse($Matches[1] + '.' + $Matches[2], [Globalization.CultureInfo]::InvariantCulture) }
            }
        }
    } catch {
        Write-Verbose 'the time service does not answer'
    }
    return [ordered]@{
        Source   = $source
        Type     = Get-RdpValue 'HKLM:\SYSTEM\CurrentControlSet\Services\W32Time\Parameters' 'Type'
        # Milliseconds that this clock is behind its source.
        OffsetMs = $(if ($null -eq $offset) { $null } else { [long] ($offset * 1000) })
    }
}

# Settings that decide about connections; names and numbers, nothing secret among them.
function Get-RdpPolicy {
    $wanted = @(
        @($PolicyKey, 'fDenyTSConnections'), @($PolicyKey, 'SecurityLayer'), @($PolicyKey, 'UserAuthentication'), @($PolicyKey, 'MinEncryptionLevel'),
        @($PolicyKey, 'MaxIdleTime'), @($PolicyKey, 'MaxConnectionTime'), @($PolicyKey, 'MaxDisconnectionTime'), @($PolicyKey, 'KeepAliveEnable'),
        @($PolicyKey, 'KeepAliveInterval'), @($PolicyKey, 'CertTemplateName'), @($PolicyKey, 'fSingleSessionPerUser'),
        @("$PolicyKey\Client", 'fClientDisableUDP'),
        @($TerminalKey, 'fDenyTSConnections'), @($TerminalKey, 'TSServerDrainMode'), @($TerminalKey, 'fSingleSessionPerUser'),
        @('HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters', 'AllowEncryptionOracle'),
        @('HKLM:\SYSTEM\CurrentControlSet\Control\Lsa', 'LmCompatibilityLevel'),
        @('HKLM:\SYSTEM\CurrentControlSet\Control\Lsa', 'DisableRestrictedAdmin'),
        @('HKLM:\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0', 'RestrictReceivingNTLMTraffic'),
        @('HKLM:\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0', 'RestrictSendingNTLMTraffic'),
        @('HKLM:\SYSTEM\CurrentControlSet\Control\Lsa\FipsAlgorithmPolicy', 'Enabled')
    )
    foreach ($version in 'TLS 1.0', 'TLS 1.1', 'TLS 1.2', 'TLS 1.3') {
        foreach ($side in 'Client', 'Server') {
            $key = "HKLM:\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\$version\$side"
            $wanted += , @($key, 'Enabled')
            $wanted += , @($key, 'DisabledByDefault')
        }
    }
    $found = @()
    foreach ($pair in $wanted) {
        $value = Get-RdpValue $pair[0] $pair[1]
        if ($null -ne $value) { $found += [ordered]@{ Key = $pair[0]; Name = $pair[1]; Value = [string] $value } }
    }
    return , $found
}
