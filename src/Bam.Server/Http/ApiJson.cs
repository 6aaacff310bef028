using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Http;

/// <summary>JSON over HTTP, with names in snake_case.</summary>
internal static class ApiJson
{
    public const string ContentType = "application/json";

    private const int MaxDepth = 64;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new FiniteNumberConverter() },
    };

    public static byte[] Bytes(object value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    public static async Task Write(HttpContext context, object value, int status = 200)
    {
        var bytes = Bytes(value);
        context.Response.StatusCode = status;
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    /// <summary>Writes an error, unless an answer has begun or the client has left.</summary>
    public static async Task WriteError(HttpContext context, ApiException error)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested) return;
        if (error.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = $"{seconds}";
        await Write(context, error.Error, error.Status);
    }

    /// <summary>The object in a request's body.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public static async Task<RequestFields> Read(HttpContext context)
    {
        // A page of another origin can send other content types without permission, but not this one.
        if (!context.Request.HasJsonContentType())
            throw new ApiException(415, $"The content type must be {ContentType}.", code: "unsupported_media_type");
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        try
        {
            return new RequestFields(Parse(body.GetBuffer().AsMemory(0, (int)body.Length)));
        }
        catch (JsonException e)
        {
            throw ApiException.Wrong(null, $"The body is not valid JSON: {e.Message}", "invalid_json");
        }
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> utf8)
    {
        using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth });
        if (JsonUnicode.FaultOf(utf8.Span) is { Found: var found }) throw new JsonException($"it holds {found}.");
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new JsonException("it is not an object.");
        return document.RootElement.Clone();
    }

    // JSON has no infinity: ln 0 is written as OpenAI writes it.
    private sealed class FiniteNumberConverter : JsonConverter<double>
    {
        private const double LogOfZero = -9999;

        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(double.IsFinite(value) ? value : LogOfZero);
    }
}
