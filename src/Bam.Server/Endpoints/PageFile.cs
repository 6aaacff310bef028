using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>A file of the page at /, which is in the assembly.</summary>
/// <param name="Path">Where it is served.</param>
/// <param name="Name">The file.</param>
/// <param name="ContentType">Its type.</param>
internal sealed record PageFile(string Path, string Name, string ContentType)
{
    // The page loads nothing from elsewhere, and no other page may show it in a frame.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private readonly byte[] content = Read(Name);

    public static IReadOnlyList<PageFile> All { get; } =
    [
        new("/", "index.html", "text/html; charset=utf-8"),
        new("/page.css", "page.css", "text/css; charset=utf-8"),
        new("/page.js", "page.js", "text/javascript; charset=utf-8"),
        new("/stream.js", "stream.js", "text/javascript; charset=utf-8"),
        new("/experts.js", "experts.js", "text/javascript; charset=utf-8"),
    ];

    public async Task Answer(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-cache";
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content, context.RequestAborted);
    }

    private static byte[] Read(string name)
    {
        using var stream = typeof(PageFile).Assembly.GetManifestResourceStream($"Bam.Server.Page.{name}")!;
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
