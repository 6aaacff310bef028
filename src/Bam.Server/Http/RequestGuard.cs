using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Http;

/// <summary>Checks whether a request is allowed: its host and its key.</summary>
internal sealed class RequestGuard
{
    private const string Scheme = "Bearer ";

    private readonly byte[]? keyHash;
    private readonly bool isLocal;

    /// <summary>Keeps what a request is compared with.</summary>
    /// <param name="apiKey">What clients must send as a bearer token; null if anybody may ask.</param>
    /// <param name="isLocal">The server listens to this machine alone.</param>
    public RequestGuard(string? apiKey, bool isLocal)
    {
        (keyHash, this.isLocal) = (apiKey is null ? null : Hash(apiKey), isLocal);
    }

    /// <summary>
    /// Refuses a name that is not this machine's: a web page can give its own name the address 127.0.0.1, and would then read
    /// answers as if they were its own (DNS rebinding).
    /// </summary>
    /// <exception cref="ApiException">It is such a name.</exception>
    public void CheckHost(HttpContext context)
    {
        var host = context.Request.Host.Host;
        if (!isLocal || host is "" or "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out _)) return;
        throw new ApiException(421, $"The server is not called '{host}'; it serves this machine alone.", code: "wrong_host");
    }

    /// <summary>Refuses a request without the key. The time of the comparison tells nothing about it.</summary>
    /// <exception cref="ApiException">The key is absent or wrong.</exception>
    public void CheckKey(HttpContext context)
    {
        if (keyHash is null) return;
        var given = context.Request.Headers.Authorization.ToString();
        if (given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(Hash(given[Scheme.Length..].Trim()), keyHash)) return;
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ApiException(
            401, "The API key is absent or wrong; send it as 'Authorization: Bearer KEY'.", code: "invalid_api_key");
    }

    // Hashes have one length, so that the comparison does not tell the key's.
    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
