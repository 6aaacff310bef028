using System.CommandLine;
using Bam.Files;
using Bam.Tokenization;
using Bam.Tokenization.Chat;

namespace Bam.Cli.Commands;

/// <summary>The options of <c>bam generate --chat</c>, and the conversation that they give.</summary>
internal sealed class ChatPrompt
{
    private readonly Option<bool> chat = new("--chat")
    {
        Description = "Render the prompt as a message of the user with the model's chat template, and answer it; without a "
            + "prompt, on a terminal, hold a conversation of several turns",
    };

    private readonly Option<string?> system = new("--system")
    {
        Description = "With --chat: a system message before the prompt",
        HelpName = "TEXT",
    };

    private readonly Option<string?> messages = new("--messages")
    {
        Description = "With --chat, instead of a prompt: a JSON file with a list of messages, or an object with 'messages', "
            + "'tools' and 'documents'; if the last message is the assistant's, it is continued",
        HelpName = "FILE",
    };

    private readonly Option<string?> template = TemplateOption.Create();

    public IEnumerable<Option> Options => [chat, system, messages, template];

    public bool IsEnabled(Invocation invocation) => invocation.Get(chat);

    /// <summary>Refuses combinations of options that have no meaning.</summary>
    /// <exception cref="InvalidInputException">The options are such a combination.</exception>
    public void Check(Invocation invocation, bool hasPrompt, bool noSpecialTokens)
    {
        foreach (var option in new[] { system, messages, template })
        {
            if (invocation.Get(option) is not null && !IsEnabled(invocation))
                throw new InvalidInputException(option.Name, "--chat beside it", "none", "add --chat, or leave it out");
        }

        if (!IsEnabled(invocation)) return;
        if (noSpecialTokens)
            throw new InvalidInputException(
                "--no-special-tokens", "none with --chat, whose template writes all special tokens", "it", "leave it out");
        if (invocation.Get(messages) is null) return;
        if (hasPrompt || invocation.Get(system) is not null)
            throw new InvalidInputException(
                "--messages", "no --prompt, --prompt-file or --system beside it", "one of them", "put it into the file");
    }

    /// <summary>True for a conversation of several turns on a terminal.</summary>
    public bool IsInteractive(Invocation invocation, bool hasPrompt) =>
        IsEnabled(invocation) && !hasPrompt && invocation.Get(messages) is null && !Console.IsInputRedirected;

    public string? SystemOf(Invocation invocation) => invocation.Get(system);

    /// <summary>The encoder with the chosen template.</summary>
    /// <exception cref="InvalidInputException">There is none, or its syntax is wrong.</exception>
    public ChatEncoder EncoderOf(Invocation invocation, Tokenizer tokenizer, string directory) =>
        ChatEncoder.Load(tokenizer, directory, invocation.Get(template));

    /// <summary>The conversation: the file's, or the prompt after the system message.</summary>
    /// <exception cref="InvalidInputException">The file holds no conversation.</exception>
    public Conversation ConversationOf(Invocation invocation, Func<string> prompt)
    {
        if (invocation.Get(messages) is not { } path) return Conversation.Of(invocation.Get(system), prompt());
        var conversation = Conversation.Parse(InputFile.ReadAllText(path, "check the path"), path);
        return conversation.Count > 0
            ? conversation
            : throw new InvalidInputException(path, "at least one message", "none", "add one");
    }
}

/// <summary>A conversation of several turns on a terminal.</summary>
internal static class ChatSession
{
    /// <summary>Reads the user's messages, one a line, until the end of input, and answers each.</summary>
    /// <param name="input">The terminal's lines.</param>
    /// <param name="system">The system message; null for none.</param>
    /// <param name="answer">Writes the answer to a conversation and returns its text.</param>
    /// <param name="invocation">Where to write.</param>
    /// <exception cref="OperationCanceledException">Cancelled, also while it waits for a line.</exception>
    public static void Run(TextReader input, string? system, Func<Conversation, string> answer, Invocation invocation)
    {
        invocation.Cancellation.ThrowIfCancellationRequested();
        invocation.Reporter.Say("a message a line; Ctrl-D ends the conversation");
        Conversation? conversation = null;
        while (true)
        {
            invocation.WritePiece("> ");
            if (ReadLine(input, invocation.Cancellation) is not { } line) break;
            if (string.IsNullOrWhiteSpace(line)) continue;
            conversation = conversation?.With("user", line) ?? Conversation.Of(system, line);
            conversation = conversation.With(Conversation.Assistant, answer(conversation));
        }

        invocation.WritePiece("\n");
    }

    // A cancelled wait leaves a thread that reads, which ends with the process.
    private static string? ReadLine(TextReader input, CancellationToken cancellation) =>
        Task.Run(input.ReadLine, cancellation).WaitAsync(cancellation).GetAwaiter().GetResult();
}
