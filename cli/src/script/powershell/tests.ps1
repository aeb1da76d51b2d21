# Tests of a Remote Desktop server or client. Each gives what was found, what is wanted, and the cause that it speaks for.

$Results = New-Object 'System.Collections.Generic.List[object]'

function Add-Result {
    param([string] $Test, [string] $Result, [string] $Found, [string] $Wanted, [string] $Cause)
    $script:Results.Add([pscustomobject] @{ Test = $Test; Result = $Result; Found = $Found; Wanted = $Wanted; Cause = $Cause })
}

function Get-Word {
    param([bool] $Good)
    if ($Good) { return 'ok' }
    return 'BAD'
}

function Test-RdpServer {
    foreach ($service in (Get-RdpService)) {
        if (@('TermService', 'KeyIso', 'CryptSvc', 'SessionEnv') -notcontains $service.Name) { continue }
        $cause = $(if ($service.Name -eq 'TermService') { 'rdp-service-down' } else { 'crypto-services-down' })
        # All but the first start when they are needed.
        $good = $service.StartType -ne 'disabled' -and ($service.Name -ne 'TermService' -or $service.State -eq 'running')
        Add-Result ('service {0}' -f $service.Name) (Get-Word $good) ('{0}, {1}' -f $service.State, $service.StartType) 'running, not disabled' $cause
    }
    $listener = Get-RdpListener
    Add-Result 'connections allowed' $(if ($listener.ConnectionsAllowed -eq 'unknown') { '?' } else { Get-Word ($listener.ConnectionsAllowed -eq 'yes') }) $listener.ConnectionsAllowed 'yes' 'rdp-service-down'
    Add-Result 'port' (Get-Word ($listener.Port -eq 3389)) ([string] $listener.Port) '3389, unless it was moved on purpose' 'rdp-port-changed'
    Add-Result 'listening' $(if ($listener.Listens -eq 'unknown') { '?' } else { Get-Word ($listener.Listens -eq 'yes') }) $listener.Listens 'yes' 'rdp-service-down'
    Add-Result 'security layer' (Get-Word ($null -eq $listener.SecurityLayer -or $listener.SecurityLayer -ge 1)) ([string] $listener.SecurityLayer) '1 or 2' 'security-layer-mismatch'
    $certificates = Get-RdpCertificate
    if ($certificates.Count -eq 0) { Add-Result 'certificate' 'BAD' 'none' 'one with a key' 'certificate-renewal-failed' }
    foreach ($certificate in $certificates) {
        $short = $certificate.Thumbprint.Substring(0, [Math]::Min(8, $certificate.Thumbprint.Length))
        Add-Result ('certificate {0} valid' -f $short) (Get-Word ($certificate.Validity -eq 'valid')) ('{0}, until {1}' -f $certificate.Validity, $certificate.NotAfter) 'valid' 'certificate-renewal-failed'
        Add-Result ('certificate {0} key file' -f $short) (Get-Word ($certificate.KeyFile -eq 'found')) $certificate.KeyFile 'found' 'machine-keys-corrupt'
        Add-Result ('certificate {0} readable' -f $short) $(if ($certificate.ServiceReads -eq 'unknown') { '?' } else { Get-Word ($certificate.ServiceReads -eq 'yes') }) $certificate.ServiceReads 'NETWORK SERVICE reads the key' 'private-key-access-denied'
    }
    $rules = Get-RdpFirewall
    if ($rules.Count -gt 0) {
        $open = @($rules | Where-Object { $_.Enabled -eq 'yes' -and $_.Action -eq 'allow' })
        Add-Result 'firewall rules' (Get-Word ($open.Count -gt 0)) ('{0} of {1} enabled' -f $open.Count, $rules.Count) 'enabled for the active profile' 'port-blocked'
    }
    Test-RdpClock
}

function Test-RdpClock {
    $clock = Get-RdpClock
    if ($null -eq $clock.OffsetMs) {
        Add-Result 'clock' '?' ('source {0}' -f $clock.Source) 'less than five minutes off the domain' 'clock-skew'
    } else {
        Add-Result 'clock' (Get-Word ([Math]::Abs($clock.OffsetMs) -lt 300000)) ('{0} ms off {1}' -f $clock.OffsetMs, $clock.Source) 'less than five minutes off the domain' 'clock-skew'
    }
}

# What a server answers, step by step, as a client would see it: name, TCP, X.224, TLS. Nobody logs on.
function Test-RdpReach {
    param([string] $Server, [int] $Port)
    $addresses = @()
    try {
        $addresses = @([Net.Dns]::GetHostAddresses($Server))
        Add-Result 'name' 'ok' (($addresses | ForEach-Object { $_.IPAddressToString }) -join ', ') 'an address' 'name-resolution-failed'
    } catch {
        Add-Result 'name' 'BAD' 'no address' 'an address' 'name-resolution-failed'
        return
    }
    $client = New-Object Net.Sockets.TcpClient($addresses[0].AddressFamily)
    try {
        $began = Get-Date
        $waiting = $client.BeginConnect($addresses[0], $Port, $null, $null)
        if (-not $waiting.AsyncWaitHandle.WaitOne(5000)) {
            Add-Result 'TCP' 'BAD' 'no answer in 5 seconds' 'a connection' 'port-blocked'
            return
        }
        try {
            $client.EndConnect($waiting)
        } catch {
            Add-Result 'TCP' 'BAD' 'refused' 'a connection' 'rdp-service-down'
            return
        }
        Add-Result 'TCP' 'ok' ('{0} ms' -f [int] ((Get-Date) - $began).TotalMilliseconds) 'a connection' ''
        $stream = $client.GetStream()
        $stream.ReadTimeout = 10000
        # TPKT, X.224 connection request, negotiation request for TLS and CredSSP (MS-RDPBCGR 2.2.1.1).
        $request = [byte[]] (3, 0, 0, 19, 14, 224, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0)
        $stream.Write($request, 0, $request.Length)
        $answer = New-Object byte[] 19
        $read = 0
        try {
            while ($read -lt 19) {
                $n = $stream.Read($answer, $read, 19 - $read)
                if ($n -le 0) { break }
                $read += $n
            }
        } catch {
            Write-Verbose 'no more of an answer'
        }
        if ($read -eq 0) {
            Add-Result 'X.224' 'BAD' 'closed without an answer' 'a confirm' 'server-resources-exhausted'
            return
        }
        if ($answer[0] -ne 3) {
            Add-Result 'X.224' 'BAD' ('first byte {0}' -f $answer[0]) 'a confirm (first byte 3)' 'not-an-rdp-server'
            return
        }
        if ($read -ge 19 -and $answer[11] -eq 3) {
            $codes = @{ 1 = 'tls-version-mismatch'; 2 = 'security-layer-mismatch'; 3 = 'bound-certificate-unusable'; 5 = 'nla-required' }
            $code = [int] $answer[15]
            Add-Result 'X.224' 'BAD' ('refused, code {0}' -f $code) 'a confirm' $(if ($codes.ContainsKey($code)) { $codes[$code] } else { '' })
            return
        }
        $chosen = $(if ($read -ge 19 -and $answer[11] -eq 2) { [int] $answer[15] } else { 0 })
        Add-Result 'X.224' 'ok' ('protocol {0}' -f $chosen) 'protocol 1, 2 or 8' ''
        if ($chosen -eq 0) { return }
        # Any certificate will do here: what it is, is what is to be found out.
        $any = [Net.Security.RemoteCertificateValidationCallback] { $true }
        $tls = New-Object Net.Security.SslStream($stream, $true, $any)
        try {
            $tls.AuthenticateAsClient($Server)
            $certificate = New-Object Security.Cryptography.X509Certificates.X509Certificate2($tls.RemoteCertificate)
            Add-Result 'TLS' 'ok' ('{0}' -f $tls.SslProtocol) 'a handshake' ''
            Add-Result 'certificate' (Get-Word ((Get-Date) -lt $certificate.NotAfter -and (Get-Date) -gt $certificate.NotBefore)) ('{0}, until {1:u}' -f $certificate.Thumbprint, $certificate.NotAfter) 'valid now' 'certificate-renewal-failed'
        } catch {
            Add-Result 'TLS' 'BAD' 'the handshake failed' 'a handshake' 'private-key-access-denied, tls-version-mismatch, tls-cipher-mismatch'
        } finally {
            $tls.Dispose()
        }
    } finally {
        $client.Close()
    }
}

function Show-Results {
    # Formatted for a console, whatever its width: one line each.
    foreach ($one in $script:Results) {
        $line = '{0,-4} {1,-30} {2}' -f $one.Result, $one.Test, $one.Found
        if ($one.Result -ne 'ok') { $line += '  (wanted: {0})' -f $one.Wanted }
        if ($one.Result -eq 'BAD' -and $one.Cause) { $line += '  speaks for {0}' -f $one.Cause }
        Write-Host $line
    }
}
