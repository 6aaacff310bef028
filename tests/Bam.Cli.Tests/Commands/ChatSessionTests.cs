using System.CommandLine;
using Bam.Cli.Commands;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class ChatSessionTests : IDisposable
{
    private readonly CancellationTokenSource cancellation = new();
    private readonly StringWriter output = new();
    private readonly List<int> lengths = [];

    public void Dispose() => cancellation.Dispose();

    [Fact]
    public void Each_line_is_answered_with_what_was_said_before()
    {
        Run(new StringReader("one\n\ntwo\n"));
        lengths.ShouldBe([2, 4]); // with the system message
        output.ToString().ShouldBe("> > > > \n");
    }

    [Fact]
    public async Task Cancellation_ends_the_wait_for_a_line()
    {
        using var input = new SilentInput();
        var session = Task.Run(() => Run(input));
        input.IsRead.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(session.WaitAsync(TimeSpan.FromMinutes(1)));
        lengths.ShouldBeEmpty();
    }

    private void Run(TextReader input)
    {
        var invocation = new Invocation(
            new Command("chat").Parse([]), output, json: false, SilentReporter.Instance, cancellation.Token);
        ChatSession.Run(input, "be brief", Answer, invocation);
    }

    private string Answer(Conversation conversation)
    {
        lengths.Add(conversation.Count);
        return "yes";
    }

    /// <summary>A terminal at which nobody types until the test ends.</summary>
    private sealed class SilentInput : TextReader
    {
        private readonly ManualResetEventSlim isClosed = new();

        public ManualResetEventSlim IsRead { get; } = new();

        public override string? ReadLine()
        {
            IsRead.Set();
            isClosed.Wait();
            return null;
        }

        protected override void Dispose(bool disposing)
        {
            isClosed.Set();
            base.Dispose(disposing);
        }
    }
}
