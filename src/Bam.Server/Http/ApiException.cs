namespace Bam.Server.Http;

/// <summary>A request that is answered with OpenAI's error object instead of a result.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What is wrong, for people.</param>
/// <param name="parameter">The field that is wrong; null if none is.</param>
/// <param name="code">What is wrong, for programs; null if OpenAI's interface has no word for it.</param>
internal sealed class ApiException(int status, string message, string? parameter = null, string? code = null)
    : Exception(message)
{
    private const int TooManyRequests = 429;
    private const int StoppingStatus = 503;

    public int Status => status;

    /// <summary>After how many seconds it is worth another try; null if it is not.</summary>
    public int? RetryAfter => status switch { TooManyRequests => 1, StoppingStatus => 10, _ => null };

    public ApiError Error => new(new(Message, TypeOf(status), parameter, code));

    /// <summary>400: a field has a value that cannot be used.</summary>
    public static ApiException Wrong(string? parameter, string message, string? code = "invalid_value") =>
        new(400, message, parameter, code);

    /// <summary>429: as many requests wait as may wait.</summary>
    public static ApiException Full() =>
        new(TooManyRequests, "The queue is full; try again later.", code: "rate_limit_exceeded");

    /// <summary>503: the server finishes what it has.</summary>
    public static ApiException Stopping() => new(StoppingStatus, "The server is stopping.", code: "server_stopping");

    /// <summary>504: the time of a request is over.</summary>
    public static ApiException TimedOut(TimeSpan limit) =>
        new(504, $"The request took longer than {limit.TotalSeconds:0.###} s.", code: "timeout");

    /// <summary>500: the model failed, or the server has a fault.</summary>
    public static ApiException Failed(string message) => new(500, message, code: "internal_error");

    private static string TypeOf(int status) => status switch
    {
        TooManyRequests => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}

/// <summary>The body of an answer that is no result.</summary>
internal sealed record ApiError(ApiErrorDetails Error);

/// <summary>OpenAI's error object.</summary>
internal sealed record ApiErrorDetails(string Message, string Type, string? Param, string? Code);
